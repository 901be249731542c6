//! Who has what an owner must not lose, as far as the witness knows (section 6 \[D1, D2\]).
//!
//! An owner's *cover* are the AMFs that together hold its whole list. There may be several ways: with two
//! partners either of them alone. When its partners change, who had the list still has what is old, and
//! needs a new partner for what is new; who leaves is no cover any more. An owner that leaves without a
//! cover, or whose cover leaves before it has finished recovery, is lost. A journal is a cover while its AMF
//! is a member, under whatever incarnation: nobody gets at a block whose entry it has not adopted.

use super::defect::Defect;
use super::id::{AmfId, AmfSet, Epoch};
use super::region::{Gone, merge_gone};
use super::table::Table;
use super::view::View;
use smallvec::SmallVec;

/// Ways to cover one owner that are remembered. More are forgotten, which is safe.
const WAYS_MAX: usize = 16;

/// Each set alone holds the whole list.
type Ways = SmallVec<[AmfSet; 2]>;

/// An owner that left, and who finishes its work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Left {
    gone: Gone,
    /// Who must finish recovery; of those that did, nothing is expected any more.
    ways: Ways,
    /// Its journal has it all.
    journal: bool,
}

/// What the witness knows of covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Covers {
    /// Of members.
    members: Table<AmfId, Ways>,
    left: Vec<Left>,
    /// Members whose journals are whole.
    journals: AmfSet,
    /// Whoever has said that its journal was damaged, and is not a member since.
    damaged: AmfSet,
    /// Members that have never been up, and so have nothing.
    idle: AmfSet,
    /// A lost one is lost no longer: a view has to say so.
    news: bool,
}

fn alone(partners: AmfSet) -> Ways {
    partners.iter().map(AmfSet::only).collect()
}

impl Covers {
    /// For a first view. Entries of `gone` that are not lost are in journals; so is what members will have,
    /// if there are journals.
    pub(super) fn new(view: &View, journals: bool) -> Self {
        let mut members = Table::default();
        for (amf, _) in &view.members {
            // Nothing is dirty yet.
            members.insert(*amf, alone(view.partners(*amf)));
        }
        let left = |gone: &Gone| Left { gone: *gone, ways: Ways::new(), journal: !gone.lost };
        let left = view.gone.iter().map(left).collect();
        let journals = if journals { view.set() } else { AmfSet::EMPTY };
        Self { members, left, journals, damaged: AmfSet::EMPTY, idle: AmfSet::EMPTY, news: false }
    }

    /// Nobody of these is up: whoever comes joins under another incarnation.
    pub(super) fn nobody_is_up(&mut self, members: AmfSet) {
        self.idle = members;
    }

    /// The partners of `owner` in this view have acknowledged its whole list.
    pub(super) fn covered(&mut self, owner: AmfId, view: &View) {
        self.members.insert(owner, alone(view.partners(owner)));
    }

    /// An AMF that wants in has lost a part of what its journal had: that covers none of its incarnations so
    /// far, neither now nor when it is back another time.
    pub(super) fn journal_is_damaged(&mut self, amf: AmfId) {
        self.journals.remove(amf);
        self.damaged.insert(amf);
        for left in self.left.iter_mut().filter(|left| left.gone.owner == amf) {
            (left.journal, left.gone.for_good) = (false, true);
            self.news |= left.ways.is_empty() && !left.gone.lost;
            left.gone.lost |= left.ways.is_empty();
        }
    }

    /// An AMF that has installed the newest view has finished recovery: what it adopted is on disk.
    /// `journal`: its own journal with it.
    pub(super) fn recovered(&mut self, amf: AmfId, joined: Epoch, journal: bool) {
        let mut news = false;
        if journal {
            self.journals.insert(amf);
        } else {
            self.journals.remove(amf);
        }
        self.left.retain_mut(|left| {
            let ours = left.gone.owner == amf && left.gone.last < joined;
            if journal && ours && !left.gone.for_good {
                news |= left.gone.lost;
                return false;
            }
            for way in &mut left.ways {
                way.remove(amf);
            }
            left.gone.lost || left.ways.iter().all(|way| !way.is_empty())
        });
        self.news |= news;
    }

    /// Hosts live with the loss of whatever had left by `upto`, or there was nothing to lose.
    pub(super) fn accepted(&mut self, upto: Epoch) {
        let before = self.left.len();
        self.left.retain(|left| !left.gone.lost || left.gone.left > upto);
        self.news |= self.left.len() < before;
    }

    /// Who is gone with work that is not finished, by now.
    pub(super) fn gone(&self) -> Vec<Gone> {
        self.left.iter().map(|left| left.gone).collect()
    }

    /// A new view is needed, and has been begun.
    pub(super) fn take_news(&mut self) -> bool {
        core::mem::take(&mut self.news)
    }

    /// Some view has to say what is lost no longer.
    pub(super) fn has_news(&self) -> bool {
        self.news
    }

    /// From `old` to `new`, which is about to start; gives what `new` says of who is gone.
    pub(super) fn change(&mut self, old: &View, new: &View, defect: Option<Defect>) -> Vec<Gone> {
        let stays = |amf: AmfId| {
            new.incarnation(amf).is_some() && new.incarnation(amf) == old.incarnation(amf)
        };
        let staying: AmfSet =
            new.members.iter().map(|(amf, _)| *amf).filter(|a| stays(*a)).collect();
        let remains = |way: &AmfSet| way.minus(staying).is_empty();
        for left in &mut self.left {
            left.ways.retain(|way| remains(way));
            let journal = left.journal && new.incarnation(left.gone.owner).is_some();
            left.gone.lost |= left.ways.is_empty() && !journal;
        }
        for (owner, _) in old.members.iter().filter(|(amf, _)| !stays(*amf)) {
            let mut ways = self.members.remove(owner).unwrap_or_default();
            if self.idle.remove(*owner) {
                continue;
            }
            if defect == Some(Defect::DoubtByPartnerMap) {
                ways = alone(old.partners(*owner));
            }
            ways.retain(|way| remains(way));
            let (joined, left) = (old.joined(*owner), new.epoch);
            let journal = self.journals.contains(*owner);
            let lost = ways.is_empty() && !(journal && new.incarnation(*owner).is_some());
            let (owner, for_good) = (*owner, self.damaged.contains(*owner));
            let gone = Gone { owner, first: joined, last: joined, left, lost, for_good };
            self.left.push(Left { gone, ways, journal });
        }
        for (amf, _) in &new.members {
            let partners = new.partners(*amf);
            let Some(ways) = self.members.get_mut(amf).filter(|_| stays(*amf)) else {
                // It has nothing yet.
                self.members.insert(*amf, alone(partners));
                self.damaged.remove(*amf);
                continue;
            };
            *ways = extended(ways.iter().filter(|way| remains(way)).copied(), partners);
        }
        let mut gone: Vec<Gone> = self.left.iter().map(|left| left.gone).collect();
        let all = gone.len();
        merge_gone(&mut gone);
        if gone.len() < all {
            // What became one is waited for as one: by nobody, so it is lost.
            for gone in &mut gone {
                gone.lost = true;
            }
            self.left = gone
                .iter()
                .map(|gone| Left { gone: *gone, ways: Ways::new(), journal: false })
                .collect();
        }
        gone
    }
}

/// What is new goes to the partners of the new view: who is none of them has only what is old.
fn extended(ways: impl Iterator<Item = AmfSet>, partners: AmfSet) -> Ways {
    let mut all = Ways::new();
    for way in ways {
        if partners.is_empty() || !way.and(partners).is_empty() {
            all.push(way);
        } else {
            all.extend(partners.iter().map(|partner| way.or(AmfSet::only(partner))));
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(WAYS_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use crate::protocol::group::GroupView;
    use crate::protocol::id::Incarnation;

    fn view(epoch: u32, members: &[(u8, u32, u32)], replicas: u8, gone: Vec<Gone>) -> View {
        let group = GroupView { slots: Vec::new(), spares: Vec::new() };
        let epoch = Epoch(epoch);
        View {
            epoch,
            members: members.iter().map(|(amf, inc, _)| (AmfId(*amf), Incarnation(*inc))).collect(),
            joined: members.iter().map(|(.., joined)| Epoch(*joined)).collect(),
            gone,
            replicas,
            protocol: Protocol::Sharing,
            group,
            admitted: Epoch(0),
            unsynchronised: None,
        }
    }

    fn lost(gone: &[Gone]) -> Vec<(u8, bool)> {
        gone.iter().map(|gone| (gone.owner.0, gone.lost)).collect()
    }

    fn amf0_is_gone(lost: bool) -> Gone {
        let (owner, left) = (AmfId(0), Epoch(5));
        Gone { owner, first: Epoch(1), last: Epoch(4), left, lost, for_good: false }
    }

    const ALL: [(u8, u32, u32); 4] = [(0, 1, 1), (1, 1, 1), (2, 1, 1), (3, 1, 1)];

    #[test]
    fn an_owner_and_its_only_partner_together_are_lost() {
        let first = view(1, &ALL, 1, Vec::new());
        let mut covers = Covers::new(&first, false);
        let gone = covers.change(&first, &view(2, &ALL[2..], 1, Vec::new()), None);
        // amf0's partner was amf1; amf1's was amf2.
        assert_eq!(lost(&gone), [(0, true), (1, false)]);
        assert!(!covers.has_news());
    }

    #[test]
    fn two_one_after_the_other_are_survived_if_the_second_comes_after_recovery() {
        for recovers in [true, false] {
            let first = view(1, &ALL, 1, Vec::new());
            let mut covers = Covers::new(&first, false);
            let second = view(2, &ALL[1..], 1, Vec::new());
            assert_eq!(lost(&covers.change(&first, &second, None)), [(0, false)]);
            if recovers {
                covers.recovered(AmfId(1), Epoch(1), false);
            }
            let gone = covers.change(&second, &view(3, &ALL[2..], 1, Vec::new()), None);
            let expected: &[(u8, bool)] =
                if recovers { &[(1, false)] } else { &[(0, true), (1, false)] };
            assert_eq!(lost(&gone), expected);
        }
    }

    #[test]
    fn an_old_partner_needs_the_new_one_until_that_has_the_whole_list() {
        for covered in [true, false] {
            // amf1 comes back between amf0 and its partner amf2.
            let first = view(1, &[ALL[0], ALL[2], ALL[3]], 1, Vec::new());
            let mut covers = Covers::new(&first, false);
            let second = view(2, &[ALL[0], (1, 2, 2), ALL[2], ALL[3]], 1, Vec::new());
            covers.change(&first, &second, None);
            if covered {
                covers.covered(AmfId(0), &second);
            }
            // amf0 and its old partner go: the new one has only what is new, unless it has all.
            let third = view(3, &[(1, 2, 2), ALL[3]], 1, Vec::new());
            let by_map = covers.clone().change(&second, &third, Some(Defect::DoubtByPartnerMap));
            assert_eq!(lost(&by_map), [(0, false), (2, false)]);
            assert_eq!(lost(&covers.change(&second, &third, None)), [(0, !covered), (2, false)]);
        }
    }

    #[test]
    fn either_of_two_partners_is_enough() {
        let first = view(1, &ALL, 2, Vec::new());
        let mut covers = Covers::new(&first, false);
        let gone = covers.change(&first, &view(2, &[ALL[2], ALL[3]], 2, Vec::new()), None);
        assert_eq!(lost(&gone), [(0, false), (1, false)]);
    }

    #[test]
    fn a_journal_that_is_back_ends_the_loss_and_so_does_who_accepts_it() {
        let gone = amf0_is_gone(true);
        let now = view(5, &[(0, 1, 5), (1, 1, 5)], 1, vec![gone]);
        let mut covers = Covers::new(&now, false);
        covers.recovered(AmfId(0), Epoch(5), false);
        assert!(!covers.has_news(), "without a journal it has nothing");
        let mut other = covers.clone();
        covers.recovered(AmfId(0), Epoch(5), true);
        assert!(covers.take_news() && !covers.has_news());
        assert_eq!(covers.change(&now, &view(6, &[(0, 1, 5), (1, 1, 5)], 1, Vec::new()), None), []);
        other.accepted(Epoch(4));
        assert!(!other.has_news(), "that is older");
        other.accepted(Epoch(5));
        assert!(other.take_news());
    }

    #[test]
    fn who_comes_back_without_its_journal_in_time_is_lost() {
        let gone = amf0_is_gone(false);
        let now = view(5, &[(0, 1, 5), (1, 1, 5)], 1, vec![gone]);
        let mut covers = Covers::new(&now, true);
        let back = view(6, &[(0, 2, 6), (1, 1, 5)], 1, Vec::new());
        assert_eq!(lost(&covers.change(&now, &back, None)), [(0, false), (0, false)]);
        let away = view(7, &[(1, 1, 5)], 1, Vec::new());
        let gone = covers.change(&back, &away, None);
        assert_eq!(lost(&gone), [(0, true), (0, false), (0, false)]);
    }

    /// Neither the incarnation that is about to leave nor those of before, and not even when the journal,
    /// mended, comes back once more. What it writes from then on is in it.
    #[test]
    fn a_damaged_journal_covers_nothing_of_before() {
        let now = view(5, &[(0, 1, 5), (1, 1, 5)], 0, vec![amf0_is_gone(false)]);
        let mut covers = Covers::new(&now, true);
        covers.journal_is_damaged(AmfId(0));
        assert!(covers.take_news());
        let back = view(6, &[(0, 2, 6), (1, 1, 5)], 0, Vec::new());
        assert_eq!(lost(&covers.change(&now, &back, None)), [(0, true), (0, true)]);
        covers.recovered(AmfId(0), Epoch(6), true);
        assert!(!covers.has_news(), "it stays lost");
        let again = view(7, &[(0, 3, 7), (1, 1, 5)], 0, Vec::new());
        let gone = covers.change(&back, &again, None);
        assert_eq!(lost(&gone), [(0, true), (0, true), (0, false)]);
        covers.recovered(AmfId(0), Epoch(7), true);
        assert_eq!(lost(&covers.gone()), [(0, true), (0, true)]);
    }
}
