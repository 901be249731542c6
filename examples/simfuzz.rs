//! Campaigns by hand.
#[path = "../tests/it/sim.rs"]
mod sim;
fn main() {
    sim::main()
}
