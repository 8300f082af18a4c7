package dev.gantry.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"b\":1,\"a\":[null,true,false,-0.5e+10,\"x\"],\"\":{}}",
        "[]",
        "\"\\u0000\\b\\f\\n\"",
        "12345678901234567890"
      })
  void keepsOrderAndExactNumbers(String text) {
    assertEquals(text, Json.parse(text).text());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{|unexpected end of JSON input",
        "``|unexpected end of JSON input",
        "{x|invalid character 'x' looking for beginning of object key string",
        "nope|invalid character 'o' in literal null (expecting 'u')",
        "{\"a\" 1}|invalid character '1' after object key",
        "{\"a\":1 \"b\"}|invalid character '\"' after object key:value pair",
        "[1 2]|invalid character '2' after array element",
        "01|invalid character '1' after top-level value",
        "-x|invalid character 'x' in numeric literal",
        "\"\\x\"|invalid character 'x' in string escape code",
      })
  void saysWhatGoSays(String text, String message) {
    assertEquals(message, assertThrows(JsonException.class, () -> Json.parse(text)).getMessage());
  }

  @Test
  void boundsTheNumberOfValues() {
    String text = "{\"a\":[1,2],\"b\":{}}";
    assertEquals(text, new JsonParser(text, 5).parseNext().text());
    JsonException e = assertThrows(JsonException.class, () -> new JsonParser(text, 4).parseNext());
    assertEquals("more than 4 values", e.text());
  }

  @Test
  void refusesBottomlessNesting() {
    assertThrows(JsonException.class, () -> Json.parse("[".repeat(2_000_000)));
  }

  @Test
  void findsKeysInAnySpellingButPrefersTheExactOne() {
    Json.JsonObject object = Json.parseObject("{\"image\":\"a\",\"Image\":\"b\"}");
    assertEquals("b", object.string("Image").orElseThrow());
    assertEquals("a", object.string("image").orElseThrow());
    assertEquals("a", object.string("IMAGE").orElseThrow());
    assertNull(object.get("Nope"));
  }

  @Test
  void escapesAsGoDoes() {
    assertEquals(
        "\"\\u003ca\\u003e \\u0026 \\u2028 \\u0001 \\ufffd é\"",
        Json.of("<a> & \u2028 \u0001 \ud800 é").text());
    assertEquals("\"<a>\"", JsonWriter.plain(Json.of("<a>")));
  }

  @Test
  void writesDoublesAsGoDoes() {
    assertEquals("1", Json.of(1.0).text());
    assertEquals("0.5", Json.of(0.5).text());
    assertEquals("1e+21", Json.of(1e21).text());
    assertEquals("1e-7", Json.of(1e-7).text());
    assertEquals("123456789012345680", Json.of(123456789012345680.0).text());
  }

  @Test
  void anyBytesEitherParseOrFailCleanly() {
    Random random = new Random(1);
    String alphabet = "{}[]\":,0123456789.eE+-truefalsn\\u \n\u0001é";
    for (int round = 0; round < 200_000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(12); i >= 0; i--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        Json value = Json.parse(text.toString());
        assertEquals(value, Json.parse(value.text()), text.toString());
      } catch (JsonException e) {
        assertTrue(!e.text().isEmpty());
      }
    }
  }

  enum Level {
    LOW,
    HIGH
  }

  record Inner(long size, @Nullable String note) {}

  record Outer(
      String name,
      List<Inner> inners,
      Map<String, List<String>> tags,
      @JsonName("Strange-Key") @Nullable Integer strange,
      @Nullable Level level,
      boolean on) {}

  @Test
  void mapsRecordsBothWays() {
    String text =
        "{\"name\":\"n\",\"inners\":[{\"size\":5,\"note\":\"x\"},{\"size\":0}],"
            + "\"tags\":{\"a\":[\"b\"],\"c\":[]},\"Strange-Key\":7,\"level\":\"HIGH\",\"on\":true}";
    Outer outer = JsonRecords.read(Json.parseObject(text), Outer.class);
    assertEquals(List.of(new Inner(5, "x"), new Inner(0, null)), outer.inners());
    assertEquals(text, JsonRecords.write(outer).text());
  }

  @Test
  void absentMembersAreEmpty() {
    Outer outer = JsonRecords.read(Json.parseObject("{\"name\":\"n\",\"unknown\":1}"), Outer.class);
    assertEquals(new Outer("n", List.of(), Map.of(), null, null, false), outer);
  }

  @Test
  void namesThePathOfAWrongType() {
    var e =
        assertThrows(
            JsonException.class,
            () ->
                JsonRecords.read(
                    Json.parseObject("{\"inners\":[{\"size\":\"big\"}]}"), Outer.class));
    assertEquals("inners[0].size: cannot read string as long", e.getMessage());
  }
}
