package dev.gantry.client;

import dev.gantry.base.Failure;
import dev.gantry.http.AnyPeer;
import dev.gantry.http.Pem;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/// How to speak TLS with an engine. Files are read when a connection is made.
///
/// @param authorities who vouches for the engine; empty for those the JDK knows
/// @param certificate ours, with `key`; empty to show none
/// @param verify false to take any certificate of the engine's
public record TlsSettings(
    Optional<Path> authorities, Optional<Path> certificate, Optional<Path> key, boolean verify) {
  private static final int CONNECT_MILLIS = 30_000;

  /// @throws Failure.InvalidRequest if a file cannot be used
  /// @throws IOException if there is no connection, or the engine's certificate is not trusted
  SSLSocket connect(String host, int port) throws IOException {
    SSLSocket socket = (SSLSocket) context().getSocketFactory().createSocket();
    try {
      if (verify) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
      }
      socket.connect(new java.net.InetSocketAddress(host, port), CONNECT_MILLIS);
      socket.startHandshake();
      return socket;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private SSLContext context() throws IOException {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(ours(), theirs(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new Failure.InvalidRequest("could not prepare TLS: " + e.getMessage(), null, e);
    }
  }

  private KeyManager[] ours() throws GeneralSecurityException, IOException {
    if (certificate.isEmpty() || key.isEmpty()) {
      return new KeyManager[0];
    }
    char[] none = new char[0];
    KeyStore store = emptyStore();
    store.setKeyEntry(
        "client",
        Pem.privateKey(key.get()),
        none,
        Pem.certificates(certificate.get()).toArray(new X509Certificate[0]));
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, none);
    return factory.getKeyManagers();
  }

  private TrustManager[] theirs() throws GeneralSecurityException, IOException {
    if (!verify) {
      return new TrustManager[] {new AnyPeer()};
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    if (authorities.isEmpty()) {
      factory.init((KeyStore) null);
    } else {
      KeyStore store = emptyStore();
      List<X509Certificate> all = Pem.certificates(authorities.get());
      for (int i = 0; i < all.size(); i++) {
        store.setCertificateEntry("authority-" + i, all.get(i));
      }
      factory.init(store);
    }
    return factory.getTrustManagers();
  }

  private static KeyStore emptyStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }
}
