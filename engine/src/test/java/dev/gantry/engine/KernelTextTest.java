package dev.gantry.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gantry.engine.Statistics.Io;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

class KernelTextTest {
  @RepeatedTest(2) // the second time names are known, and not in this order
  void countersAreReadWithoutWhatIsNoNumber() {
    assertEquals(
        Map.of("cache", 4096L, "hierarchical_memory_limit", 9223372036854771712L, "rss", 0L),
        KernelText.of(
                """
                cache 4096
                hierarchical_memory_limit 9223372036854771712
                rss 0
                odd max
                negative -1
                large 18446744073709551615
                empty\s
                 7""")
            .fields());
    assertEquals(
        Map.of("rss", 1L, "rss_huge", 2L, "cache", 3L),
        KernelText.of("rss 1\nrss_huge 2\ncache 3\n").fields());
  }

  @Test
  void wordsAndNumbersEndWithTheirLine() {
    KernelText text = KernelText.of("  eth0: 12  x\n5");
    assertEquals("eth0", text.word(':'));
    assertEquals(12, text.number());
    assertEquals(-1, text.number());
    assertEquals(-1, text.number());
    assertEquals("", text.word(' '));
    text.endLine();
    assertEquals(5, text.number());
    assertFalse(text.hasMore());
    assertEquals(List.of(1L, 2L), KernelText.of("1 2 \n3\n").numbers());
  }

  @Test
  void processorTimeIsTheSumOfItsFields() {
    long[] ticks = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
    String line =
        "cpu  " + String.join(" ", Arrays.stream(ticks).mapToObj(Long::toString).toList());
    assertEquals(
        2_800_000_000L,
        Statistics.systemCpu(KernelText.of(line + "\ncpu0 1\n")),
        "seven fields of ten milliseconds");
  }

  @Test
  void devicesOfTheUnifiedTreeHavePairs() {
    String text = "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n253:16 \n7:1 wbytes=9\n";
    assertEquals(
        List.of(new Io(8, 0, "read", 1), new Io(8, 0, "write", 2), new Io(7, 1, "write", 9)),
        Statistics.unifiedIo(KernelText.of(text), true));
    assertEquals(
        List.of(new Io(8, 0, "read", 3), new Io(8, 0, "write", 4)),
        Statistics.unifiedIo(KernelText.of(text), false));
  }
}
