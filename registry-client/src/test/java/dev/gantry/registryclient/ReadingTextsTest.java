package dev.gantry.registryclient;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.oci.ImageReference;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What settings, headers and files say.
class ReadingTextsTest {
  @Test
  void severalChallengesInOneHeader() {
    assertEquals(
        List.of(
            new Challenge(
                "bearer", Map.of("realm", "https://a/t?x=1,2", "service", "s", "scope", "a:b:c,d")),
            new Challenge("basic", Map.of("realm", "say \"hi\"")),
            new Challenge("negotiate", Map.of())),
        Challenge.parse(
            "Bearer realm=\"https://a/t?x=1,2\",service=s, scope=\"a:b:c,d\","
                + " Basic realm=\"say \\\"hi\\\"\", Negotiate"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",", "=", "\"", "Basic realm=\"", "a b c", ", ,=,"})
  void nonsenseIsNoChallengeThatBreaks(String header) {
    assertTrue(Challenge.parse(header).size() <= 3);
  }

  @ParameterizedTest
  @CsvSource({
    "127.3.4.5:80,true", "localhost:80,true", "[::1]:80,true", "10.1.2.3:5000,true",
    "10.2.2.3:5000,false", "reg:5000,true", "reg:5001,false", "all.example,true",
    "all.example:9,true", "127.evil.example,false", "docker.io,false"
  })
  void insecureOnlyWhereConfigured(String host, boolean insecure) {
    RegistryOptions options =
        new RegistryOptions(
            List.of(),
            List.of("10.1.0.0/16", "reg:5000", "all.example"),
            List.of(),
            List.of(),
            new RegistryOptions.Proxies("", "", List.of()),
            3,
            5,
            5,
            java.time.Duration.ofSeconds(1));
    assertEquals(insecure, options.isInsecure(host));
  }

  @ParameterizedTest
  @CsvSource({
    "a.example,true",
    "b.a.example,true",
    "xa.example,false",
    "10.0.0.9,true",
    "10.1.0.9,false",
    "p.example,false",
    "dom.example,false",
    "x.dom.example,true",
    "dot.example,false",
    "x.dot.example,true"
  })
  void hostsWithoutProxy(String host, boolean without) {
    List<String> none =
        List.of("a.example", "10.0.0.0/16", "p.example:99", "*.dom.example", ".dot.example", "");
    assertEquals(without, Hosts.matches(host, 443, none));
  }

  @Test
  void mirrorsAndRewritesComeBeforeTheRegistry() {
    RegistryOptions options =
        new RegistryOptions(
            List.of(URI.create("http://m:5000")),
            List.of("in.example"),
            List.of(
                RegistryOptions.Rewrite.parse("docker.io/library=in.example/hub"),
                RegistryOptions.Rewrite.parse("ghcr.io=https://g.example/x")),
            List.of(),
            new RegistryOptions.Proxies("", "", List.of()),
            3,
            5,
            5,
            java.time.Duration.ofSeconds(1));
    assertEquals(
        List.of(
            "https://in.example/v2/hub/debian",
            "http://in.example/v2/hub/debian",
            "http://m:5000/v2/library/debian",
            "https://registry-1.docker.io/v2/library/debian"),
        Endpoint.of(ImageReference.parse("debian"), options).stream()
            .map(e -> e.uri("").toString())
            .toList());
    assertEquals(
        List.of("https://g.example/v2/x/a/b", "https://ghcr.io/v2/a/b"),
        Endpoint.of(ImageReference.parse("ghcr.io/a/b"), options).stream()
            .map(e -> e.uri("").toString())
            .toList());
    assertEquals(
        List.of("https://registry-1.docker.io/v2/library/debian"),
        Endpoint.origin(ImageReference.parse("debian"), options).stream()
            .map(e -> e.uri("").toString())
            .toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "=x", "a", "a=", "a/=b", "a=b c", "a=ftp://x", "a=b//../c d"})
  void badRewritesAreRefused(String text) {
    assertThrows(Failure.InvalidRequest.class, () -> RegistryOptions.Rewrite.parse(text));
  }

  @Test
  void credentialsOfTheHeader() {
    String json = "{\"username\":\"u\",\"password\":\"p?>\",\"serveraddress\":\"x\"}";
    for (Base64.Encoder e :
        List.of(
            Base64.getUrlEncoder(), Base64.getEncoder(), Base64.getUrlEncoder().withoutPadding())) {
      Credentials c = Credentials.header(e.encodeToString(json.getBytes(StandardCharsets.UTF_8)));
      assertEquals(new Credentials("u", "p?>"), c);
      assertFalse(c.toString().contains("p?>"));
    }
    assertEquals(Credentials.NONE, Credentials.header("!!!"));
    assertEquals(Credentials.NONE, Credentials.header("e30="));
  }

  @Test
  void serversOfALogin() {
    assertEquals("docker.io", Registries.host("https://index.docker.io/v1/"));
    assertEquals("docker.io", Registries.host(""));
    assertEquals("h:5000", Registries.host("http://h:5000/v1/"));
    Failure e = assertThrows(Failure.InvalidRequest.class, () -> Registries.host("bad host/"));
    assertEquals(
        "unable to parse server address: parse \"https://bad host/\": invalid character \" \" in"
            + " host name",
        e.text());
  }

  /// dockerd's texts.
  @Test
  void halfAClientCertificateIsNamed(@TempDir Path folder) throws Exception {
    Path certificate = Files.createFile(folder.resolve("me.cert"));
    Path key = folder.resolve("me.key");
    assertEquals(
        "missing key "
            + key
            + " for client certificate "
            + certificate
            + ". CA certificates must use the extension .crt",
        refused(folder));
    Files.delete(certificate);
    Files.createFile(key);
    assertEquals("missing client certificate " + certificate + " for key " + key, refused(folder));
    Files.delete(key);
    Path authority = Files.createFile(folder.resolve("ca.crt"));
    assertEquals("no certificate in " + authority, refused(folder));
  }

  private static String refused(Path folder) {
    return assertThrows(Failure.InvalidRequest.class, () -> Tls.context(List.of(folder), false))
        .text();
  }
}
