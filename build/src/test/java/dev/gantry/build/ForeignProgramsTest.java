package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ForeignProgramsTest {
  @TempDir Path registered;

  private static byte[] elf(int machine) {
    byte[] head = new byte[64];
    head[0] = 0x7f;
    head[1] = 'E';
    head[2] = 'L';
    head[3] = 'F';
    head[4] = 2;
    head[5] = 1;
    head[18] = (byte) machine;
    return head;
  }

  private Optional<String> cannotRun(byte[] head) throws IOException {
    return new ForeignPrograms("amd64", registered).cannotRun(head);
  }

  @Test
  void ownProgramsAndScriptsRun() throws IOException {
    assertEquals(Optional.empty(), cannotRun(elf(62)));
    assertEquals(Optional.empty(), cannotRun(elf(3)));
    assertEquals(Optional.empty(), cannotRun("#!/bin/sh\n".getBytes()));
  }

  @Test
  void othersNeedAnEmulator() throws IOException {
    assertEquals(Optional.of("arm64"), cannotRun(elf(183)));
    Path entry = registered.resolve("qemu-aarch64");
    Files.writeString(entry, "disabled\noffset 0\nmagic 7f454c46\n");
    assertEquals(Optional.of("arm64"), cannotRun(elf(183)));
    Files.writeString(
        entry, "enabled\ninterpreter /usr/bin/qemu\nflags: F\noffset 0\nmagic 7f454c46\n");
    assertEquals(Optional.empty(), cannotRun(elf(183)));
    Files.writeString(entry, "enabled\noffset 18\nmagic b700\nmask feff\n"); // the machine alone
    assertEquals(Optional.empty(), cannotRun(elf(183)));
    assertEquals(Optional.of("riscv64"), cannotRun(elf(243)));
  }
}
