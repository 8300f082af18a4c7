package dev.gantry.http;

import dev.gantry.base.Failure;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Certificates and keys from PEM files (RFC 7468). A private key may be PKCS #8, or what openssl
/// wrote before: PKCS #1 for RSA, SEC 1 for elliptic curves. Encrypted keys are refused. Whatever
/// is wrong with a file is a [Failure.InvalidRequest] that names it.
public final class Pem {
  private static final Pattern BLOCK =
      Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \\1-----");
  private static final List<String> ALGORITHMS = List.of("RSA", "EC", "EdDSA");
  // AlgorithmIdentifier of rsaEncryption with its NULL, and the identifier of id-ecPublicKey
  private static final byte[] RSA = HexFormat.of().parseHex("300d06092a864886f70d0101010500");
  private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");
  private static final int SEQUENCE = 0x30;
  private static final int OCTETS = 0x04;
  private static final int CURVE = 0xa0;

  private Pem() {}

  private record Block(String label, byte[] bytes) {}

  private static List<Block> blocks(Path file) {
    try {
      List<Block> blocks = new ArrayList<>();
      Matcher matcher = BLOCK.matcher(Files.readString(file, StandardCharsets.ISO_8859_1));
      while (matcher.find()) {
        String body = matcher.group(2);
        if (body.contains("ENCRYPTED")) {
          throw encrypted(file);
        }
        blocks.add(new Block(matcher.group(1), Base64.getMimeDecoder().decode(body)));
      }
      return blocks;
    } catch (IOException e) {
      throw new Failure.InvalidRequest("could not read " + file + ": " + e.getMessage(), null, e);
    } catch (IllegalArgumentException e) {
      throw new Failure.InvalidRequest(file + " is damaged: not base64", null, e);
    }
  }

  private static Failure.InvalidRequest encrypted(Path file) {
    return new Failure.InvalidRequest(
        "the key in " + file + " is encrypted; use one without a passphrase");
  }

  /// All certificates of a file, in its order; at least one.
  public static List<X509Certificate> certificates(Path file) {
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      CertificateFactory factory = CertificateFactory.getInstance("X.509");
      for (Block block : blocks(file)) {
        if (block.label().equals("CERTIFICATE")) {
          certificates.add(
              (X509Certificate)
                  factory.generateCertificate(new ByteArrayInputStream(block.bytes())));
        }
      }
    } catch (CertificateException e) {
      throw new Failure.InvalidRequest(
          "a certificate in " + file + " cannot be used: " + e.getMessage(), null, e);
    }
    if (certificates.isEmpty()) {
      throw new Failure.InvalidRequest("no certificate in " + file);
    }
    return certificates;
  }

  /// The private key of a file.
  public static PrivateKey privateKey(Path file) {
    for (Block block : blocks(file)) {
      switch (block.label()) {
        case "PRIVATE KEY" -> {
          return key(file, block.bytes());
        }
        case "RSA PRIVATE KEY" -> {
          return key(file, wrapped(RSA, block.bytes()));
        }
        case "EC PRIVATE KEY" -> {
          byte[] algorithm = der(SEQUENCE, joined(EC, curve(file, block.bytes())));
          return key(file, wrapped(algorithm, block.bytes()));
        }
        case "ENCRYPTED PRIVATE KEY" -> throw encrypted(file);
        default -> {}
      }
    }
    throw new Failure.InvalidRequest("no private key in " + file);
  }

  private static PrivateKey key(Path file, byte[] pkcs8) {
    for (String algorithm : ALGORITHMS) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
      } catch (GeneralSecurityException e) {
        continue; // of another kind
      }
    }
    throw new Failure.InvalidRequest("the key in " + file + " is not RSA, EC or EdDSA");
  }

  /// The public keys of a file, also those of its certificates; at least one.
  public static List<PublicKey> publicKeys(Path file) {
    List<PublicKey> keys = new ArrayList<>();
    for (Block block : blocks(file)) {
      if (block.label().equals("PUBLIC KEY")) {
        keys.add(publicKey(file, block.bytes()));
      } else if (block.label().equals("CERTIFICATE")) {
        certificates(file).forEach(c -> keys.add(c.getPublicKey()));
        return keys;
      }
    }
    if (keys.isEmpty()) {
      throw new Failure.InvalidRequest("neither public key nor certificate in " + file);
    }
    return keys;
  }

  private static PublicKey publicKey(Path file, byte[] info) {
    for (String algorithm : ALGORITHMS) {
      try {
        return KeyFactory.getInstance(algorithm).generatePublic(new X509EncodedKeySpec(info));
      } catch (GeneralSecurityException e) {
        continue; // of another kind
      }
    }
    throw new Failure.InvalidRequest("a key in " + file + " is not RSA, EC or EdDSA");
  }

  // ---- as much DER as the older forms need

  /// PKCS #8 around an older form: version 0, algorithm, key.
  private static byte[] wrapped(byte[] algorithm, byte[] key) {
    byte[] version = {2, 1, 0};
    return der(SEQUENCE, joined(version, algorithm, der(OCTETS, key)));
  }

  private static byte[] der(int tag, byte[] content) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(content.length + 6);
    out.write(tag);
    if (content.length < 0x80) {
      out.write(content.length);
    } else {
      out.write(0x82);
      out.write(content.length >> 8);
      out.write(content.length);
    }
    out.writeBytes(content);
    return out.toByteArray();
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  /// The curve inside a SEC 1 key: `SEQUENCE { version, key, [0] curve, … }`.
  private static byte[] curve(Path file, byte[] sec1) {
    try {
      ByteBuffer in = ByteBuffer.wrap(sec1);
      content(in);
      while (in.hasRemaining()) {
        int tag = in.get(in.position()) & 0xff;
        byte[] content = new byte[content(in)];
        in.get(content);
        if (tag == CURVE) {
          return content;
        }
      }
    } catch (RuntimeException e) {
      throw new Failure.InvalidRequest("the key in " + file + " is damaged", null, e);
    }
    throw new Failure.InvalidRequest("the key in " + file + " names no curve");
  }

  /// Passes tag and length; the length.
  private static int content(ByteBuffer in) {
    in.get();
    int length = in.get() & 0xff;
    if (length < 0x80) {
      return length;
    }
    int read = 0;
    for (int i = 0; i < (length & 0x7f); i++) {
      read = read << 8 | (in.get() & 0xff);
    }
    return read;
  }
}
