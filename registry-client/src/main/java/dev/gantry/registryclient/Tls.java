package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import dev.gantry.http.AnyPeer;
import dev.gantry.http.Pem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/// Whom to trust and what to show at a registry: the authorities of Java and of the system, and
/// those in `certs.d/HOST[:PORT]/*.crt`; the pairs `*.cert` and `*.key` there are shown to
/// registries that ask for one.
final class Tls {
  private static final List<Path> SYSTEM =
      List.of(
          Path.of("/etc/ssl/certs/ca-certificates.crt"),
          Path.of("/etc/pki/tls/certs/ca-bundle.crt"));

  private Tls() {}

  /// The folders that say something about `host` (with its port).
  static List<Path> folders(String host, List<Path> roots) {
    return roots.stream().map(r -> r.resolve(host)).filter(Files::isDirectory).toList();
  }

  /// Changes when a file in the folders does.
  static long stamp(List<Path> folders) {
    long stamp = 0;
    for (Path folder : folders) {
      try {
        for (Path file : files(List.of(folder), "")) {
          stamp = 31 * stamp + file.hashCode() + Files.getLastModifiedTime(file).toMillis();
        }
      } catch (IOException e) {
        return 0; // using them will say what is wrong
      }
    }
    return stamp;
  }

  static SSLContext context(List<Path> folders, boolean insecure) {
    try {
      List<Path> authorities = files(folders, ".crt");
      SSLContext context = SSLContext.getInstance("TLS");
      TrustManager[] trust = insecure ? new TrustManager[] {new AnyPeer()} : trust(authorities);
      context.init(keys(folders), trust, null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw new Failure.InvalidRequest(
          "the certificates in "
              + String.join(", ", folders.stream().map(Path::toString).toList())
              + " cannot be used: "
              + e.getMessage(),
          null,
          e);
    }
  }

  private static List<Path> files(List<Path> folders, String suffix) throws IOException {
    List<Path> all = new ArrayList<>();
    for (Path folder : folders) {
      try (var children = Files.list(folder)) {
        children.filter(f -> f.toString().endsWith(suffix)).sorted().forEach(all::add);
      }
    }
    return all;
  }

  private static TrustManager[] trust(List<Path> authorities)
      throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int count = 0;
    for (X509Certificate known : ofJava()) {
      store.setCertificateEntry("java" + count++, known);
    }
    List<Path> files = new ArrayList<>(authorities);
    SYSTEM.stream().filter(f -> f.toFile().length() > 0).forEach(files::add);
    for (Path file : files) {
      for (Certificate c : Pem.certificates(file)) {
        store.setCertificateEntry("file" + count++, c);
      }
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static List<X509Certificate> ofJava() throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    List<X509Certificate> all = new ArrayList<>();
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509TrustManager x) {
        all.addAll(List.of(x.getAcceptedIssuers()));
      }
    }
    return all;
  }

  private static KeyManager[] keys(List<Path> folders)
      throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (Path cert : files(folders, ".cert")) {
      Path key = sibling(cert, ".cert", ".key");
      if (!Files.exists(key)) {
        throw new Failure.InvalidRequest(
            "missing key "
                + key
                + " for client certificate "
                + cert
                + ". CA certificates must use the extension .crt");
      }
      store.setKeyEntry(
          cert.toString(),
          Pem.privateKey(key),
          new char[0],
          Pem.certificates(cert).toArray(new Certificate[0]));
    }
    for (Path key : files(folders, ".key")) {
      Path cert = sibling(key, ".key", ".cert");
      if (!Files.exists(cert)) {
        throw new Failure.InvalidRequest("missing client certificate " + cert + " for key " + key);
      }
    }
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, new char[0]);
    return factory.getKeyManagers();
  }

  private static Path sibling(Path file, String suffix, String other) {
    String name = file.toString();
    return Path.of(name.substring(0, name.length() - suffix.length()) + other);
  }
}
