package dev.gantry.client;

import static java.lang.ProcessBuilder.Redirect.DISCARD;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A server that only takes clients with its own certificate, and clients that do and do not fit.
class TlsTest {
  private static final char[] PASSWORD = "secret".toCharArray();

  @TempDir static Path folder;
  private static Path certificate;
  private static Path key;
  private static SSLServerSocket server;

  @BeforeAll
  static void start() throws IOException, GeneralSecurityException, InterruptedException {
    Path store = folder.resolve("store.p12");
    List<String> words =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
            "-genkeypair",
            "-alias",
            "it",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-dname",
            "CN=engine",
            "-ext",
            "san=ip:127.0.0.1",
            "-validity",
            "2",
            "-storetype",
            "PKCS12",
            "-storepass",
            "secret",
            "-keystore",
            store.toString());
    assertEquals(
        0,
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(DISCARD)
            .start()
            .waitFor());
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD);
    }
    certificate = pem("cert.pem", "CERTIFICATE", keys.getCertificate("it").getEncoded());
    key = pem("key.pem", "PRIVATE KEY", keys.getKey("it", PASSWORD).getEncoded());

    KeyManagerFactory ours = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    ours.init(keys, PASSWORD);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    trusted.setCertificateEntry("it", keys.getCertificate("it"));
    TrustManagerFactory theirs =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    theirs.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(ours.getKeyManagers(), theirs.getTrustManagers(), null);
    server =
        (SSLServerSocket)
            context
                .getServerSocketFactory()
                .createServerSocket(0, 10, InetAddress.getLoopbackAddress());
    server.setNeedClientAuth(true);
    Thread.ofPlatform().daemon().start(TlsTest::serve);
  }

  private static Path pem(String name, String label, byte[] bytes) throws IOException {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    return Files.writeString(
        folder.resolve(name),
        "-----BEGIN " + label + "-----\n" + text + "\n-----END " + label + "-----\n");
  }

  private static void serve() {
    while (!server.isClosed()) {
      try (SSLSocket socket = (SSLSocket) server.accept()) {
        BufferedReader in =
            new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
        String line = String.valueOf(in.readLine());
        for (String header = line; !header.isEmpty(); header = String.valueOf(in.readLine())) {
          if (header.equals("null")) {
            break;
          }
        }
        socket
            .getOutputStream()
            .write(
                ("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"ID\": \"tls\"}")
                    .getBytes(StandardCharsets.US_ASCII));
      } catch (IOException e) {
        continue; // a client that did not fit
      }
    }
  }

  @AfterAll
  static void stop() throws IOException {
    server.close();
  }

  private static EngineClient client(TlsSettings settings) {
    Address address = Address.parse("tcp://127.0.0.1:" + server.getLocalPort());
    return new EngineClient(address.with(settings), "1.51");
  }

  @Test
  void bothSidesProveWhoTheyAre() {
    EngineClient client =
        client(
            new TlsSettings(
                Optional.of(certificate), Optional.of(certificate), Optional.of(key), true));
    assertEquals("{\"ID\":\"tls\"}", client.get(Query.of("/info")).text());
  }

  @Test
  void withoutVerifyingAnyEngineIsTaken() {
    EngineClient client =
        client(
            new TlsSettings(Optional.empty(), Optional.of(certificate), Optional.of(key), false));
    assertEquals("{\"ID\":\"tls\"}", client.get(Query.of("/info")).text());
  }

  @Test
  void anEngineThatNobodyVouchesForIsRefused() {
    EngineClient client =
        client(new TlsSettings(Optional.empty(), Optional.of(certificate), Optional.of(key), true));
    Unreachable problem = assertThrows(Unreachable.class, () -> client.get(Query.of("/info")));
    assertTrue(
        String.valueOf(problem.getMessage()).startsWith("error during connect: tcp://127.0.0.1"),
        problem.getMessage());
    assertFalse(problem.isAbsent());
  }

  @Test
  void aUnixSocketStaysPlain() {
    Address address = Address.parse("unix:///x");
    assertEquals(
        address,
        address.with(new TlsSettings(Optional.empty(), Optional.empty(), Optional.empty(), false)));
  }
}
