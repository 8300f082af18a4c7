package dev.gantry.registryclient;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Certificates and private keys in PEM files (RFC 7468), as OpenSSL writes them: PKCS#8, and the
/// older forms for RSA and elliptic curves. Keys with a passphrase are not read.
final class Pem {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");
  private static final byte[] RSA = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, (byte) 0x86, 0x48, (byte) 0x86, (byte) 0xf7, 0x0d, 1, 1, 1, 5, 0
  };
  private static final byte[] EC_OID = {6, 7, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 2, 1};

  private record Block(String label, byte[] bytes) {}

  private Pem() {}

  private static List<Block> blocks(Path file) throws IOException {
    List<Block> blocks = new ArrayList<>();
    Matcher m = BLOCK.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
    while (m.find()) {
      blocks.add(new Block(m.group(1), Base64.getMimeDecoder().decode(m.group(2))));
    }
    return blocks;
  }

  static List<Certificate> certificates(Path file) throws IOException, GeneralSecurityException {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    List<Certificate> all = new ArrayList<>();
    for (Block b : blocks(file)) {
      if (b.label().endsWith("CERTIFICATE")) {
        all.add(factory.generateCertificate(new ByteArrayInputStream(b.bytes())));
      }
    }
    return all;
  }

  static PrivateKey key(Path file) throws IOException, GeneralSecurityException {
    for (Block b : blocks(file)) {
      switch (b.label()) {
        case "PRIVATE KEY" -> {
          return pkcs8(b.bytes());
        }
        case "RSA PRIVATE KEY" -> {
          return pkcs8(wrap(RSA, b.bytes()));
        }
        case "EC PRIVATE KEY" -> {
          byte[] curve = curve(b.bytes());
          return pkcs8(wrap(der(0x30, EC_OID, curve), b.bytes()));
        }
        default -> {
          continue;
        }
      }
    }
    throw new GeneralSecurityException("no private key in " + file);
  }

  private static PrivateKey pkcs8(byte[] der) throws GeneralSecurityException {
    GeneralSecurityException last = new GeneralSecurityException("unknown kind of private key");
    for (String algorithm : List.of("RSA", "EC", "EdDSA")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
      } catch (GeneralSecurityException e) {
        last = e;
      }
    }
    throw last;
  }

  /// The curve's identifier out of an ECPrivateKey (RFC 5915): the content of its part `[0]`.
  private static byte[] curve(byte[] key) throws GeneralSecurityException {
    for (int i = 0; i + 3 < key.length; i++) {
      boolean parameters = key[i] == (byte) 0xa0 && key[i + 2] == 6 && key[i + 1] == key[i + 3] + 2;
      if (parameters && i + 2 + key[i + 1] <= key.length) {
        return java.util.Arrays.copyOfRange(key, i + 2, i + 2 + key[i + 1]);
      }
    }
    throw new GeneralSecurityException("an EC key without the name of its curve");
  }

  private static byte[] wrap(byte[] algorithm, byte[] key) {
    return der(0x30, new byte[] {2, 1, 0}, algorithm, der(4, key));
  }

  /// One DER element with the parts as its content.
  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      content.writeBytes(part);
    }
    int length = content.size();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    if (length < 0x80) {
      out.write(length);
    } else if (length < 0x100) {
      out.write(0x81);
      out.write(length);
    } else {
      out.write(0x82);
      out.write(length >> 8);
      out.write(length);
    }
    out.writeBytes(content.toByteArray());
    return out.toByteArray();
  }
}
