/// Benchmarks beside the peers that are installed. Entry type: [Bench]; `./dev bench start` runs
/// it. Candidates of one row take turns, so that what else the machine does falls on all alike.
package dev.gantry.bench;
