/// The command line: Docker's commands and flags on Docker's API. Entry type: [Gantry]. Each
/// command is one [Command] in a table that drives parsing, help, errors and completion alike; it
/// talks to the engine only through `client`.
package dev.gantry.cli;
