package dev.gantry.http;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;

/// A server's certificate and key from files, and the authorities whose clients it takes. Files
/// that change are read anew at the next handshake, so a renewed certificate needs no restart;
/// while the new ones cannot be used, the last good ones count. Thread-safe.
public final class TlsFiles {
  private static final String ALIAS = "server";
  private static final long LOOK_NANOS = 1_000_000_000L;

  private TlsFiles() {}

  /// @param clientAuthorities certificates of those who vouch for clients
  /// @throws Failure.InvalidRequest if a file cannot be used, or key and certificate do not belong
  ///   together
  public static SSLContext server(Path certificate, Path key, Optional<Path> clientAuthorities) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      TrustManagerFactory trust = null;
      if (clientAuthorities.isPresent()) {
        trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(authorities(Pem.certificates(clientAuthorities.get())));
      }
      context.init(
          new KeyManager[] {new Renewed(certificate, key)},
          trust == null ? null : trust.getTrustManagers(),
          null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new Failure.InvalidRequest("could not prepare TLS: " + e.getMessage(), null, e);
    }
  }

  private static KeyStore authorities(List<X509Certificate> certificates)
      throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    for (X509Certificate certificate : certificates) {
      store.setCertificateEntry("authority-" + store.size(), certificate);
    }
    return store;
  }

  private record Pair(List<X509Certificate> chain, PrivateKey key, String state) {
    /// True if a server that may only use keys of this kind can use it.
    boolean isFor(String keyType) {
      String kind = key.getAlgorithm();
      return keyType.equals(kind)
          || keyType.startsWith(kind + "_")
          || (keyType.equals("EdDSA") && kind.startsWith("Ed"))
          || (keyType.equals("RSASSA-PSS") && kind.equals("RSA"));
    }
  }

  private static final class Renewed extends X509ExtendedKeyManager {
    private final Path certificate;
    private final Path key;
    private volatile Pair pair;
    private volatile long looked = System.nanoTime();

    Renewed(Path certificate, Path key) {
      this.certificate = certificate;
      this.key = key;
      this.pair = read();
    }

    private Pair read() {
      String state = state();
      List<X509Certificate> chain = Pem.certificates(certificate);
      PrivateKey secret = Pem.privateKey(key);
      if (!belongTogether(chain.getFirst().getPublicKey(), secret)) {
        throw new Failure.InvalidRequest(
            certificate + " is for another key than the one in " + key);
      }
      return new Pair(chain, secret, state);
    }

    private static boolean belongTogether(PublicKey open, PrivateKey secret) {
      String algorithm =
          switch (secret.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> "EdDSA";
          };
      try {
        byte[] text = {1, 2, 3};
        Signature signature = Signature.getInstance(algorithm);
        signature.initSign(secret);
        signature.update(text);
        byte[] signed = signature.sign();
        signature.initVerify(open);
        signature.update(text);
        return signature.verify(signed);
      } catch (GeneralSecurityException e) {
        return false; // of different kinds
      }
    }

    private String state() {
      return changed(certificate) + " " + changed(key);
    }

    private static String changed(Path file) {
      try {
        FileTime time = Files.getLastModifiedTime(file);
        return time + " " + Files.size(file);
      } catch (IOException e) {
        return "missing";
      }
    }

    private Pair current() {
      long now = System.nanoTime();
      if (now - looked > LOOK_NANOS) {
        looked = now;
        if (!state().equals(pair.state())) {
          try {
            pair = read();
          } catch (Failure e) {
            System.getLogger("gantry-tls")
                .log(System.Logger.Level.WARNING, "the old certificate stays: " + e.getMessage());
          }
        }
      }
      return pair;
    }

    private @Nullable String alias(String keyType) {
      return current().isFor(keyType) ? ALIAS : null;
    }

    @Override
    public @Nullable String chooseServerAlias(
        String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
      return alias(keyType);
    }

    @Override
    public @Nullable String chooseEngineServerAlias(
        String keyType, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
      return alias(keyType);
    }

    @Override
    public String @Nullable [] getServerAliases(String keyType, Principal @Nullable [] issuers) {
      return alias(keyType) == null ? null : new String[] {ALIAS};
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return pair.chain().toArray(new X509Certificate[0]);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return pair.key();
    }

    @Override
    public String @Nullable [] getClientAliases(String keyType, Principal @Nullable [] issuers) {
      return null;
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] keyTypes, Principal @Nullable [] issuers, @Nullable Socket socket) {
      return null;
    }
  }
}
