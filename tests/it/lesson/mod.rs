//! Lessons: what is built in against itself, attempts step by step, bad files, progress, the command line.

mod attempt;
mod builtin;
mod cli;
mod files;
mod progress;
