package dev.gantry.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SshAddressTest {
  private static List<String> words(String text) {
    return ((Address.Ssh) Address.parse(text)).words();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ssh://host",
        "ssh://me@host",
        "ssh://me@host:2222",
        "ssh://host:22/run/other.sock",
        "ssh://[fd00::1]:22"
      })
  void isWrittenAsItIsRead(String text) {
    assertEquals(text, Address.parse(text).text());
  }

  @Test
  void userAndPortAreFlagsAndNoWordOfTheAddressIsOne() {
    assertEquals(
        List.of("ssh", "-l", "me", "-p", "2222", "-o", "ConnectTimeout=30", "-T", "--", "host"),
        words("ssh://me@host:2222/").subList(0, 10));
    assertEquals("fd00::1", words("ssh://[fd00::1]").get(5));
  }

  @Test
  void socketOverThereIsOneWordForBothShells() {
    String remote = words("ssh://host/run/it's; here").getLast();
    String inner = "'\\''unix:///run/it'\\''\\'\\'''\\''s; here'\\''";
    assertTrue(remote.startsWith("sh -c 'if command -v gantry "), remote);
    assertTrue(remote.contains("exec gantry --host " + inner + " system dial-stdio;"), remote);
  }

  @ParameterizedTest
  @CsvSource({
    "ssh://me:secret@host, plain-text password is not supported",
    "ssh://, no host specified",
    "ssh://-oProxyCommand=x, no host specified",
    "ssh://-x@host, no host specified",
    "ssh://a@b@c, invalid SSH URL",
  })
  void whatIsNoHostIsRefused(String text, String why) {
    String told = assertThrows(Failure.InvalidRequest.class, () -> Address.parse(text)).text();
    assertTrue(told.contains(why), told);
  }
}
