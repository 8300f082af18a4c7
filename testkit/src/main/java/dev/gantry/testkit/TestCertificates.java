package dev.gantry.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/// A certificate authority of a test, a server's certificate for the loopback address, a client's.
public final class TestCertificates {
  private static final String DAYS = "2";
  private static final char[] NONE = {};

  private TestCertificates() {}

  /// Writes `ca.pem`, and `.pem` and `.key` of `server` and `client`.
  public static void make(Path folder) throws IOException {
    request(folder, "ca", "req", "-x509", "-days", DAYS, "-out", "ca.pem");
    Files.writeString(
        folder.resolve("server.names"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    Files.writeString(folder.resolve("client.names"), "extendedKeyUsage=clientAuth\n");
    for (String name : List.of("server", "client")) {
      request(folder, name, "req", "-new", "-out", name + ".csr");
      String signed =
          "x509 -req -in %1$s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out %1$s.pem"
              + " -days %2$s -extfile %1$s.names";
      openssl(folder, signed.formatted(name, DAYS).split(" "));
    }
  }

  /// What `name` shows, and trusts, on connections: its certificate, and those of the authority.
  static SSLContext context(Path folder, String name) {
    try {
      CertificateFactory certificates = CertificateFactory.getInstance("X.509");
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      Certificate own;
      try (var in = Files.newInputStream(folder.resolve(name + ".pem"))) {
        own = certificates.generateCertificate(in);
      }
      try (var in = Files.newInputStream(folder.resolve("ca.pem"))) {
        store.setCertificateEntry("ca", certificates.generateCertificate(in));
      }
      String pem = Files.readString(folder.resolve(name + ".key"));
      byte[] key = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
      store.setKeyEntry(
          "own",
          KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(key)),
          NONE,
          new Certificate[] {own});
      KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
      keys.init(store, NONE);
      TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("the certificates of " + name + " cannot be used", e);
    }
  }

  private static void request(Path folder, String name, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"));
    all.addAll(List.of("-keyout", name + ".key", "-subj", "/CN=test " + name));
    openssl(folder, all.toArray(String[]::new));
  }

  private static void openssl(Path folder, String... words) {
    List<String> all = new ArrayList<>(List.of("sh", "-c", "cd \"$0\" && exec \"$@\""));
    all.addAll(List.of(folder.toString(), Needs.program("openssl").toString()));
    all.addAll(List.of(words));
    Command.of(all).run().succeeded();
  }
}
