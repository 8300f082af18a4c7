package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.json.Json;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;

class JwtTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Jwt.Secret SECRET = new Jwt.Secret(new byte[32]);

  private static Json.JsonObject claims() {
    return Json.object().put("sub", "ann").put("exp", NOW.getEpochSecond() + 60);
  }

  private static String part(String text) {
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void acceptsWhatItSigned() {
    String token = Jwt.signed(claims(), SECRET);
    assertEquals("ann", Jwt.verified(token, List.of(SECRET), NOW).orElseThrow().string("sub", ""));
  }

  @Test
  void refusesWhatIsTooOldOrTooEarly() {
    String token = Jwt.signed(claims().put("nbf", NOW.getEpochSecond()), SECRET);
    assertTrue(Jwt.verified(token, List.of(SECRET), NOW.plusSeconds(60)).isEmpty());
    assertTrue(Jwt.verified(token, List.of(SECRET), NOW.minusSeconds(61)).isEmpty());
    assertTrue(Jwt.verified(token, List.of(SECRET), NOW.minusSeconds(60)).isPresent());
  }

  @Test
  void refusesOtherKeysAndChangedClaims() {
    String token = Jwt.signed(claims(), SECRET);
    byte[] other = new byte[32];
    other[0] = 1;
    assertTrue(Jwt.verified(token, List.of(new Jwt.Secret(other)), NOW).isEmpty());
    String[] parts = token.split("\\.");
    String root = parts[0] + "." + part("{\"sub\":\"root\",\"exp\":9e9}") + "." + parts[2];
    assertTrue(Jwt.verified(root, List.of(SECRET), NOW).isEmpty());
    String unsigned = part("{\"alg\":\"none\"}") + "." + parts[1] + ".";
    assertTrue(Jwt.verified(unsigned, List.of(SECRET), NOW).isEmpty());
    for (String rubbish : List.of("", "...", "a.b.c", parts[0], token + ".x")) {
      assertTrue(Jwt.verified(rubbish, List.of(SECRET), NOW).isEmpty(), rubbish);
    }
  }

  @Test
  void acceptsTheKeysOfOtherTokenServers() throws GeneralSecurityException {
    for (String[] kind :
        new String[][] {
          {"RSA", "RS256", "SHA256withRSA"},
          {"EC", "ES256", "SHA256withECDSAinP1363Format"},
          {"Ed25519", "EdDSA", "Ed25519"}
        }) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(kind[0]);
      if (kind[0].equals("EC")) {
        generator.initialize(256);
      }
      KeyPair pair = generator.generateKeyPair();
      String head = part("{\"alg\":\"" + kind[1] + "\"}") + "." + part(claims().text());
      Signature signature = Signature.getInstance(kind[2]);
      signature.initSign(pair.getPrivate());
      signature.update(head.getBytes(StandardCharsets.US_ASCII));
      String token =
          head + "." + Base64.getUrlEncoder().withoutPadding().encodeToString(signature.sign());
      List<Jwt.Key> keys = List.of(SECRET, new Jwt.Public(pair.getPublic()));
      assertTrue(Jwt.verified(token, keys, NOW).isPresent(), kind[1]);
      assertTrue(Jwt.verified(token, List.of(SECRET), NOW).isEmpty(), kind[1]);
    }
  }
}
