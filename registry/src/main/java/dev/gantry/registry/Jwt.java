package dev.gantry.registry;

import dev.gantry.json.Json;
import dev.gantry.json.JsonException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.EdECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Signed claims (RFC 7519) in the compact form.
final class Jwt {
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
  private static final int MOST = 64 * 1024;

  private Jwt() {}

  /// What a signature is checked against. The key says which algorithm it is good for; the token's
  /// header is not asked.
  interface Key {
    boolean verifies(String algorithm, byte[] signed, byte[] signature)
        throws GeneralSecurityException;
  }

  /// A secret that we sign with ourselves (HS256).
  record Secret(byte[] bytes) implements Key {
    byte[] sign(byte[] text) {
      try {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(bytes, "HmacSHA256"));
        return mac.doFinal(text);
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every Java has HmacSHA256", e);
      }
    }

    @Override
    public boolean verifies(String algorithm, byte[] signed, byte[] signature) {
      return algorithm.equals("HS256") && MessageDigest.isEqual(sign(signed), signature);
    }
  }

  /// The public key of a token server: RS256, ES256 or EdDSA.
  record Public(PublicKey key) implements Key {
    @Override
    public boolean verifies(String algorithm, byte[] signed, byte[] signature)
        throws GeneralSecurityException {
      String name =
          switch (key) {
            case RSAPublicKey k when algorithm.equals("RS256") -> "SHA256withRSA";
            case ECPublicKey k when algorithm.equals("ES256") -> "SHA256withECDSAinP1363Format";
            case EdECPublicKey k when algorithm.equals("EdDSA") -> "Ed25519";
            default -> "";
          };
      if (name.isEmpty()) {
        return false;
      }
      Signature check = Signature.getInstance(name);
      check.initVerify(key);
      check.update(signed);
      return check.verify(signature);
    }
  }

  static String signed(Json.JsonObject claims, Secret secret) {
    String head = encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}") + "." + encode(claims.text());
    return head
        + "."
        + ENCODER.encodeToString(secret.sign(head.getBytes(StandardCharsets.US_ASCII)));
  }

  private static String encode(String text) {
    return ENCODER.encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  /// The claims of a token that one of the keys has signed and whose time is now.
  static Optional<Json.JsonObject> verified(String token, List<? extends Key> keys, Instant now) {
    String[] parts = token.split("\\.", -1);
    if (parts.length != 3 || token.length() > MOST) {
      return Optional.empty();
    }
    try {
      Base64.Decoder decoder = Base64.getUrlDecoder();
      Json.JsonObject header = object(decoder.decode(parts[0]));
      byte[] text = (parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII);
      byte[] signature = decoder.decode(parts[2]);
      String algorithm = header.string("alg", "");
      for (Key key : keys) {
        if (key.verifies(algorithm, text, signature)) {
          Json.JsonObject claims = object(decoder.decode(parts[1]));
          long second = now.getEpochSecond();
          boolean current =
              second < claims.number("exp", 0) && second + 60 >= claims.number("nbf", 0);
          return current ? Optional.of(claims) : Optional.empty();
        }
      }
    } catch (IllegalArgumentException | JsonException | GeneralSecurityException e) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private static Json.JsonObject object(byte[] bytes) {
    return Json.parseObject(new String(bytes, StandardCharsets.UTF_8));
  }
}
