package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gantry.grpc.Message;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DefinitionsTest {
  @Test
  void ourIdIsFoundAgain() throws Exception {
    Message definition = Message.decode(Definitions.of("abc").encode());
    assertEquals(Optional.of("abc"), Definitions.id(definition));
    assertEquals(2, definition.entries(2).size());
    assertEquals(Optional.empty(), Definitions.id(new Message()));
  }
}
