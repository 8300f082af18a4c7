package dev.gantry.integration;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;

/// Our own command line on a real terminal.
class GantryCliTerminalIT extends TerminalContract {
  @Override
  Command client(Engine engine, String... words) {
    return engine.gantryCommand(words);
  }
}
