package dev.gantry.buildkit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.build.BuildDisk;
import dev.gantry.grpc.GrpcException;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class CacheFilterTest {
  private static final BuildDisk.Entry LAYER =
      new BuildDisk.Entry(
          "abc",
          "regular",
          "RUN make",
          5,
          false,
          true,
          Instant.EPOCH,
          Instant.EPOCH,
          1,
          () -> true);

  private static boolean matches(String... filters) throws GrpcException {
    return CacheFilter.parse(List.of(filters)).matches(LAYER);
  }

  @Test
  void filtersAsClientsWriteThem() throws Exception {
    assertTrue(matches());
    assertTrue(matches(""));
    assertTrue(matches("type==regular,shared==true"));
    assertTrue(matches("type==source.local", "id~=^a"));
    assertTrue(matches("shared"));
    assertFalse(matches("type!=regular"));
    assertFalse(matches("inuse"));
    assertFalse(matches("type==regular,private"));
    assertFalse(matches("color==red"), "no record has a colour, as with dockerd");
    assertTrue(matches("color!=red"));
    assertFalse(matches("typex"));
    for (String wrong : List.of("id~=(", "type==a,==b", "type=a")) {
      assertThrows(GrpcException.class, () -> matches(wrong), wrong);
    }
  }
}
