package dev.gantry.engine.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogOptionsTest {
  @Test
  void bounded() {
    assertEquals(LogOptions.DEFAULT, LogOptions.parse(Map.of()));
  }

  @ParameterizedTest
  @CsvSource({"100,100", "10k,10240", "10KB,10240", "1.5m,1572864", "2g,2147483648", "7b,7"})
  void readsSizes(String text, long bytes) {
    assertEquals(bytes, LogOptions.parse(Map.of("max-size", text)).maxSize());
  }

  @ParameterizedTest
  @CsvSource({
    "max-size,x,invalid size: 'x'",
    "max-size,10q,invalid size: '10q'",
    "max-size,0,max-size must be a positive number",
    "max-file,0,max-file cannot be less than 1",
    "max-file,two,'strconv.Atoi: parsing \"two\": invalid syntax (max-file)'",
    "compress,maybe,'strconv.ParseBool: parsing \"maybe\": invalid syntax (compress)'"
  })
  void refusesBadValues(String name, String value, String text) {
    var e = assertThrows(Failure.InvalidRequest.class, () -> LogOptions.parse(Map.of(name, value)));
    assertEquals(text, e.text());
  }

  @Test
  void refusesUnknownNamesInDockersWords() {
    var e =
        assertThrows(
            Failure.InvalidRequest.class,
            () -> dev.gantry.engine.shipping.LogDrivers.check("json-file", Map.of("foo", "1")));
    assertEquals("unknown log opt 'foo' for json-file log driver", e.text());
  }
}
