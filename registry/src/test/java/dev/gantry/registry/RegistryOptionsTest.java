package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryOptionsTest {
  private static RegistryOptions parse(String... words) {
    return RegistryOptions.parse(List.of(words));
  }

  @Test
  void readsBothFormsOfAFlag() {
    RegistryOptions options =
        parse("--listen", ":1", "--listen=:2", "--read-only", "--no-delete=false", "--quota=1MB");
    assertEquals(List.of(":1", ":2"), options.list("listen"));
    assertTrue(options.flag("read-only"));
    assertFalse(options.flag("no-delete"));
    assertEquals(OptionalLong.of(1 << 20), options.size("quota"));
    assertEquals(Optional.empty(), options.text("policy"));
  }

  @Test
  void readsTimesAndRates() {
    RegistryOptions options = parse("--gc-grace", "90s", "--gc-interval=0", "--rate-limit=100/6h");
    assertEquals(Duration.ofSeconds(90), options.time("gc-grace", "1h"));
    assertEquals(Duration.ZERO, options.time("gc-interval", "1h"));
    assertEquals(Duration.ofDays(7), options.time("upload-expiry", "7d"));
    assertEquals(
        Optional.of(new RegistryOptions.Rate(100, Duration.ofHours(6))),
        options.rate("rate-limit"));
  }

  @Test
  void readsUpstreamsByNameSpace() {
    RegistryOptions options =
        parse("--proxy", "https://hub.example", "--proxy=quay.example=http://q:80/?a=b");
    assertEquals(
        Map.of(
            "", URI.create("https://hub.example"), "quay.example", URI.create("http://q:80/?a=b")),
        options.spaces("proxy"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "serve",
        "--nothing",
        "--data",
        "--read-only=maybe",
        "--gc-grace=1y",
        "--quota=big",
        "--rate-limit=5",
        "--proxy=ftp://a",
        "--proxy=nothing",
        "--webhook=a b"
      })
  void refusesWhatItDoesNotKnow(String word) {
    assertThrows(
        Failure.InvalidRequest.class,
        () -> {
          RegistryOptions options = parse(word);
          options.flag("read-only");
          options.time("gc-grace", "1h");
          options.size("quota");
          options.rate("rate-limit");
          options.spaces("proxy");
          options.urls("webhook");
        });
  }

  @Test
  void refusesAFlagSaidTwice() {
    assertThrows(Failure.InvalidRequest.class, () -> parse("--data=a", "--data=b"));
  }

  @Test
  void helpNamesEveryOption() {
    assertTrue(RegistryOptions.help().contains("--immutable-tag list"));
  }
}
