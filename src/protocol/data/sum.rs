//! Parity as content: sums of blocks, each multiplied by a number of GF(2^8).
//!
//! Addition is xor, so a block added twice is gone. A sum of stamped blocks stays a list of its terms,
//! sorted, each block once: that costs a simulated parity block some hundred bytes and not 4 KiB, and what
//! is taken out of it again cancels exactly. It is expanded to real bytes at a real disk. Where one term
//! is real bytes already (what people typed, or parity that a disk gave back) all of it becomes bytes, and
//! what comes out folds back to stamps where it can. So data that is rebuilt equals what was written.

use super::{Data, Repr};

/// The field's polynomial, x^8 + x^4 + x^3 + x^2 + 1: the usual one, for which 2 generates every number.
const POLYNOMIAL: u16 = 0x11d;
const ORDER: usize = 255;

/// Powers of 2 and their logarithms.
const TABLES: ([u8; ORDER * 2], [u8; 256]) = {
    let (mut powers, mut logs) = ([0; ORDER * 2], [0; 256]);
    let (mut power, mut value) = (0, 1u16);
    while power < ORDER {
        powers[power] = value.to_le_bytes()[0];
        powers[power + ORDER] = powers[power];
        logs[value as usize] = power.to_le_bytes()[0];
        value <<= 1;
        if value > 255 {
            value ^= POLYNOMIAL;
        }
        power += 1;
    }
    (powers, logs)
};

/// The product of two numbers of GF(2^8).
#[must_use]
pub const fn times(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    let (powers, logs) = &TABLES;
    powers[logs[a as usize] as usize + logs[b as usize] as usize]
}

/// The number that gives 1 when multiplied by `a`, which is not 0.
#[must_use]
pub const fn inverse(a: u8) -> u8 {
    assert!(a != 0, "0 has no inverse");
    let (powers, logs) = &TABLES;
    powers[ORDER - logs[a as usize] as usize]
}

/// The `exponent`th power of 2: what Q multiplies the data block with this index by.
#[must_use]
pub const fn power(exponent: u8) -> u8 {
    TABLES.0[exponent as usize % ORDER]
}

impl Data {
    /// The sum of blocks of one length, each multiplied by a number of GF(2^8). Without any: `len` zeroes.
    #[must_use]
    pub fn sum<'a>(len: u32, terms: impl IntoIterator<Item = (u8, &'a Self)>) -> Self {
        let mut flat: Vec<(u8, &Self)> = Vec::new();
        for (factor, term) in terms {
            assert_eq!(term.len(), len, "blocks of one group are of one length");
            match &term.0 {
                Repr::Zero { .. } => {}
                Repr::Sum { terms, .. } => {
                    flat.extend(terms.iter().map(|(inner, data)| (times(factor, *inner), data)));
                }
                Repr::Run { .. } | Repr::Stamps(_) | Repr::Bytes(_) => flat.push((factor, term)),
            }
        }
        flat.retain(|(factor, _)| *factor != 0);
        if flat.iter().any(|(_, term)| matches!(term.0, Repr::Bytes(_))) {
            return Self::sum_of_bytes(len, &flat);
        }
        flat.sort_by_key(|(_, term)| *term);
        let mut sum: Vec<(u8, Self)> = Vec::with_capacity(flat.len());
        for (factor, term) in flat {
            match sum.last_mut() {
                Some((before, same)) if same == term => *before ^= factor,
                Some(_) | None => sum.push((factor, term.clone())),
            }
        }
        sum.retain(|(factor, _)| *factor != 0);
        match &*sum {
            [] => Self::zero(len),
            [(1, only)] => only.clone(),
            _ => Self(Repr::Sum { len, terms: sum.into() }),
        }
    }

    fn sum_of_bytes(len: u32, terms: &[(u8, &Self)]) -> Self {
        let mut sum = vec![0; len as usize];
        let mut one = vec![0; len as usize];
        for (factor, term) in terms {
            term.write_to(&mut one);
            add(&mut sum, &one, *factor);
        }
        Self::from_bytes(&sum)
    }

    /// True if both are the same bytes, however they came about: a sum of blocks, or what a disk gave back.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let differ = || !Self::sum(self.len(), [(1, self), (1, other)]).is_zero();
        self == other || !differ() || self.to_bytes() == other.to_bytes()
    }

    /// The same content as data, which is never a sum: the check sum of a stamp is linear, so three stamps
    /// add up to the bytes of a fourth, and what a disk gave back as one may have been three.
    #[must_use]
    pub fn folded(self) -> Self {
        match &self.0 {
            Repr::Sum { .. } => Self::from_bytes(&self.to_bytes()),
            Repr::Zero { .. } | Repr::Run { .. } | Repr::Stamps(_) | Repr::Bytes(_) => self,
        }
    }
}

/// The real bytes of a sum.
pub(super) fn expand(terms: &[(u8, Data)], out: &mut [u8]) {
    out.fill(0);
    let mut one = vec![0; out.len()];
    for (factor, term) in terms {
        term.write_to(&mut one);
        add(out, &one, *factor);
    }
}

fn add(sum: &mut [u8], term: &[u8], factor: u8) {
    if factor == 1 {
        return sum.iter_mut().zip(term).for_each(|(sum, byte)| *sum ^= byte);
    }
    let mut products = [0; 256];
    for (product, byte) in products.iter_mut().zip(0..=255) {
        *product = times(factor, byte);
    }
    sum.iter_mut().zip(term).for_each(|(sum, byte)| *sum ^= products[usize::from(*byte)]);
}

#[cfg(test)]
mod tests {
    use super::super::Stamp;
    use super::*;

    fn stamped(sequence: u64) -> Data {
        Data::stamped(Stamp { volume: 0, writer: 1, sector: 8, sequence }, 8)
    }

    #[test]
    fn the_field_is_a_field() {
        for a in 1..=255 {
            assert_eq!(times(a, inverse(a)), 1, "{a}");
            assert_eq!(times(a, 1), a);
            assert_eq!(times(a, 0), 0);
            for b in [2, 3, 29, 142, 255] {
                assert_eq!(times(a, b), times(b, a));
                assert_eq!(times(a, b ^ 7), times(a, b) ^ times(a, 7), "{a} {b}");
            }
        }
        assert_eq!((power(0), power(1), power(8)), (1, 2, 29));
        let all: std::collections::BTreeSet<u8> = (0..255).map(power).collect();
        assert_eq!(all.len(), 255);
    }

    #[test]
    fn what_is_taken_out_of_a_sum_cancels_exactly() {
        let (a, b, c) = (stamped(1), stamped(2), stamped(3));
        let parity = Data::sum(4096, [(1, &a), (1, &b), (1, &c)]);
        assert_eq!(Data::sum(4096, [(1, &parity), (1, &c), (1, &a)]), b);
        let weighted = Data::sum(4096, [(power(0), &a), (power(1), &b), (power(2), &c)]);
        let rest = Data::sum(4096, [(1, &weighted), (power(1), &b), (power(2), &c)]);
        assert_eq!(rest, a);
        let double = Data::sum(4096, [(inverse(4), &weighted), (inverse(4), &a), (inverse(4), &b)]);
        assert_ne!(double, c, "b has the factor 2");
        assert_eq!(Data::sum(4096, [(1, &Data::zero(4096)), (1, &b)]), b);
        assert!(Data::sum(4096, [(7, &b), (7, &b)]).is_zero());
    }

    #[test]
    fn three_stamps_may_look_like_one() {
        let (a, b, c) = (stamped(1), stamped(2), stamped(7));
        let sum = Data::sum(4096, [(1, &a), (1, &b), (1, &c)]);
        let real = Data::from_bytes(&sum.to_bytes());
        assert!(real.run().is_some(), "its bytes are those of a stamp: {real}");
        assert!(real.is_same(&sum) && sum.is_same(&real));
        assert_eq!(Data::sum(4096, [(1, &real), (1, &a), (1, &c)]).folded(), b);
    }

    /// A sum as its terms and a sum as real bytes are the same, and rebuilt data folds back to stamps.
    #[test]
    fn a_sum_survives_a_real_disk() {
        let text = Data::from_bytes(&[&b"typed"[..], &[0; 4091]].concat());
        for (a, b) in [(stamped(1), stamped(2)), (stamped(5), text)] {
            for (x, y) in [(1, 1), (power(3), power(9))] {
                let sum = Data::sum(4096, [(x, &a), (y, &b)]);
                let real = Data::from_bytes(&sum.to_bytes());
                assert!(real.is_same(&sum) && sum.is_same(&real));
                assert!(!real.is_same(&a));
                let taken = Data::sum(4096, [(inverse(y), &real), (times(inverse(y), x), &a)]);
                assert_eq!(taken, b);
            }
        }
    }
}
