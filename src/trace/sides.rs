//! Who is on which side of a partition: one answer for both engines.

use crate::protocol::id::{AmfId, DiskId, NodeId};

/// A partition, resolved: every AMF and the witness has a side; a disk only if it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    amfs: Vec<usize>,
    witness: usize,
    disks: Vec<Option<usize>>,
    /// As it is typed.
    text: String,
}

impl Sides {
    /// Resolves the sides as they were named. AMFs that are not named form a side of their own
    /// together; the witness, unless named, is with the larger side, a tie with that of the lowest id.
    ///
    /// # Errors
    /// A sentence: a node is named twice or does not exist, or there is only one side.
    pub fn new(named: &[Vec<NodeId>], amfs: u8, disks: u8) -> Result<Self, String> {
        let mut of_amf = vec![None; usize::from(amfs)];
        let mut of_disk = vec![None; usize::from(disks)];
        let mut witness = None;
        for (side, nodes) in named.iter().enumerate() {
            for node in nodes {
                let place = match node {
                    NodeId::Amf(AmfId(id)) => of_amf.get_mut(usize::from(*id)),
                    NodeId::Disk(DiskId(id)) => of_disk.get_mut(usize::from(*id)),
                    NodeId::Witness => Some(&mut witness),
                };
                let place = place.ok_or_else(|| format!("there is no {node}"))?;
                if place.replace(side).is_some() {
                    return Err(format!("{node} is named twice"));
                }
            }
        }
        let rest = named.len();
        let of_amf: Vec<usize> = of_amf.into_iter().map(|side| side.unwrap_or(rest)).collect();
        let sides = named.len() + usize::from(of_amf.contains(&rest));
        if sides < 2 {
            return Err("a partition has at least two sides".to_owned());
        }
        let size = |side: usize| of_amf.iter().filter(|of| **of == side).count();
        let lowest = |side: usize| of_amf.iter().position(|of| *of == side).unwrap_or(usize::MAX);
        let largest =
            (0..=rest).max_by_key(|side| (size(*side), core::cmp::Reverse(lowest(*side))));
        let witness = witness.or(largest).unwrap_or(0);
        let text = named
            .iter()
            .map(|nodes| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let text = format!("partition {}", text.collect::<Vec<_>>().join(" | "));
        Ok(Self { amfs: of_amf, witness, disks: of_disk, text })
    }

    fn side(&self, node: NodeId) -> Option<usize> {
        match node {
            NodeId::Amf(amf) => self.amfs.get(usize::from(amf.0)).copied(),
            NodeId::Witness => Some(self.witness),
            NodeId::Disk(disk) => self.disks.get(usize::from(disk.0)).copied().flatten(),
        }
    }

    /// Nothing gets from one to the other.
    #[must_use]
    pub fn cuts(&self, from: NodeId, to: NodeId) -> bool {
        matches!((self.side(from), self.side(to)), (Some(a), Some(b)) if a != b)
    }

    /// The command that made it.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amf(id: u8) -> NodeId {
        NodeId::Amf(AmfId(id))
    }

    #[test]
    fn the_witness_is_with_the_larger_side_and_a_tie_with_the_lowest_id() {
        let small = Sides::new(&[vec![amf(0)]], 4, 2).unwrap();
        assert!(small.cuts(amf(0), amf(1)) && !small.cuts(amf(1), amf(3)));
        assert!(small.cuts(amf(0), NodeId::Witness) && !small.cuts(amf(2), NodeId::Witness));
        let tie = Sides::new(&[vec![amf(2), amf(3)], vec![amf(0), amf(1)]], 4, 2).unwrap();
        assert!(tie.cuts(amf(2), NodeId::Witness) && !tie.cuts(amf(0), NodeId::Witness));
        assert_eq!(tie.command(), "partition amf2 amf3 | amf0 amf1");
    }

    #[test]
    fn disks_stay_reachable_unless_named() {
        let disk = |id| NodeId::Disk(DiskId(id));
        let sides =
            Sides::new(&[vec![amf(0), disk(1)], vec![amf(1), NodeId::Witness]], 2, 2).unwrap();
        assert!(!sides.cuts(amf(0), disk(0)) && !sides.cuts(amf(1), disk(0)));
        assert!(sides.cuts(amf(1), disk(1)) && sides.cuts(NodeId::Witness, disk(1)));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Sides::new(&[vec![amf(0), amf(1)]], 2, 1).is_err());
        assert!(Sides::new(&[vec![amf(0)], vec![amf(0)]], 2, 1).is_err());
        assert!(Sides::new(&[vec![amf(7)]], 2, 1).is_err());
    }
}
