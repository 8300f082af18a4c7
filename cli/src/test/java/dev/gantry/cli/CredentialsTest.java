package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.cli.Credentials.Login;
import dev.gantry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CredentialsTest {
  @TempDir Path folder;

  private Credentials credentials() {
    return new Credentials(new Config(folder));
  }

  private Json.JsonObject file() throws IOException {
    return Json.parseObject(Files.readString(folder.resolve("config.json")));
  }

  @Test
  void whatIsStoredIsFoundAndOnlyOursToRead() throws IOException {
    Login login = new Login("ada", "pass:word", false);
    assertTrue(credentials().store("localhost:5000", login));
    assertEquals(Optional.of(login), credentials().find("localhost:5000"));
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(
            Files.getPosixFilePermissions(folder.resolve("config.json"))));
  }

  @Test
  void theRestOfTheFileStays() throws IOException {
    Files.writeString(
        folder.resolve("config.json"),
        "{\"psFormat\": \"{{.ID}}\", \"auths\": {\"other:1\": {\"auth\": \"YTpi\"}}}");
    credentials().store("one:2", new Login("u", "p", false));
    credentials().erase("one:2");
    assertEquals("{{.ID}}", file().string("psFormat", ""));
    assertEquals(Optional.of(new Login("a", "b", false)), credentials().find("other:1"));
    assertEquals(Optional.empty(), credentials().find("one:2"));
  }

  @Test
  void aTokenStandsForThePassword() throws IOException {
    Login login = new Login("ada", "token", true);
    credentials().store("", login);
    assertEquals(Optional.of(login), credentials().find("docker.io"));
    assertTrue(file().object("auths").orElseThrow().has(Credentials.HUB));
  }

  @ParameterizedTest
  @CsvSource({
    "docker.io, https://index.docker.io/v1/",
    "https://index.docker.io/v1/, https://index.docker.io/v1/",
    "https://example.org/v2/, example.org",
    "localhost:5000, localhost:5000",
  })
  void aRegistryHasOneName(String given, String key) {
    assertEquals(key, Credentials.key(given));
  }

  @Test
  void damagedEntriesAreToldAndNotTakenForNone() throws IOException {
    Files.writeString(
        folder.resolve("config.json"), "{\"auths\": {\"one:2\": {\"auth\": \"%%%\"}}}");
    assertThrows(Exit.class, () -> credentials().find("one:2"));
  }

  @Test
  void aHelperThatIsNotThereIsNamed() throws IOException {
    Files.writeString(
        folder.resolve("config.json"), "{\"credHelpers\": {\"one:2\": \"gantry-nosuch\"}}");
    Exit problem = assertThrows(Exit.class, () -> credentials().find("one:2"));
    assertTrue(problem.text().contains("docker-credential-gantry-nosuch"), problem.text());
  }
}
