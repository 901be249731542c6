//! `update` as conversations: keys in, effects out.
