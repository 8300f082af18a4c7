package dev.gantry.integration;

import dev.gantry.testkit.Command;
import dev.gantry.testkit.Engine;

/// The real Docker CLI on a real terminal.
class DockerCliTerminalIT extends TerminalContract {
  @Override
  Command client(Engine engine, String... words) {
    return engine.dockerCommand(words);
  }
}
