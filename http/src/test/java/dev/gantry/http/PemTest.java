package dev.gantry.http;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Arrays;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PemTest {
  @TempDir Path folder;

  private Path write(String label, byte[] bytes) throws IOException {
    String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    return Files.writeString(
        folder.resolve("key.pem"),
        "about it\n-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n");
  }

  private static KeyPair pair(String algorithm) throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
    if (!algorithm.equals("Ed25519")) {
      generator.initialize(algorithm.equals("RSA") ? 2048 : 256);
    }
    return generator.generateKeyPair();
  }

  @ParameterizedTest
  @ValueSource(strings = {"RSA", "EC", "Ed25519"})
  void readsKeys(String algorithm) throws Exception {
    KeyPair pair = pair(algorithm);
    Path file = write("PRIVATE KEY", pair.getPrivate().getEncoded());
    assertArrayEquals(pair.getPrivate().getEncoded(), Pem.privateKey(file).getEncoded());
    Path open = write("PUBLIC KEY", pair.getPublic().getEncoded());
    assertEquals(pair.getPublic(), Pem.publicKeys(open).getFirst());
  }

  /// PKCS #8 of an RSA key is a fixed head and then the older form.
  @Test
  void readsTheOlderFormOfRsaKeys() throws Exception {
    KeyPair pair = pair("RSA");
    byte[] whole = pair.getPrivate().getEncoded();
    Path file = write("RSA PRIVATE KEY", Arrays.copyOfRange(whole, 26, whole.length));
    assertArrayEquals(whole, Pem.privateKey(file).getEncoded());
  }

  /// `openssl ecparam -genkey`: SEC 1 with the curve inside, behind the curve's own block.
  @Test
  void readsTheOlderFormOfEcKeys() throws Exception {
    byte[] key = new byte[32];
    key[31] = 7;
    byte[] head = {0x30, 0x31, 2, 1, 1, 4, 32};
    byte[] curve = {(byte) 0xa0, 10, 6, 8, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 3, 1, 7};
    byte[] sec1 = new byte[head.length + key.length + curve.length];
    System.arraycopy(head, 0, sec1, 0, head.length);
    System.arraycopy(key, 0, sec1, head.length, key.length);
    System.arraycopy(curve, 0, sec1, head.length + key.length, curve.length);
    var read =
        (java.security.interfaces.ECPrivateKey) Pem.privateKey(write("EC PRIVATE KEY", sec1));
    assertEquals(java.math.BigInteger.valueOf(7), read.getS());
    assertEquals(256, read.getParams().getOrder().bitLength());
  }

  @Test
  void namesTheFileThatCannotBeUsed() throws IOException {
    byte[] rubbish = "rubbish".getBytes(StandardCharsets.UTF_8);
    for (String label :
        new String[] {
          "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OTHER"
        }) {
      Path file = write(label, rubbish);
      Failure e = assertThrows(Failure.InvalidRequest.class, () -> Pem.privateKey(file), label);
      assertEquals(true, e.text().contains(file.toString()), e.text());
    }
    Path file = write("CERTIFICATE", rubbish);
    assertThrows(Failure.InvalidRequest.class, () -> Pem.certificates(file));
    assertThrows(Failure.InvalidRequest.class, () -> Pem.privateKey(folder.resolve("nowhere")));
  }
}
