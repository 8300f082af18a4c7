package dev.gantry.registry;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BcryptTest {
  /// Hashes made by the C library's crypt(3).
  @ParameterizedTest
  @CsvSource({
    "'', $2b$04$WkNNLdQnqOi6.8g6ClMjFuMpMGybEamjg0pGkJ0g1Cf6iZ85PYAkK",
    "a, $2b$04$TMIRkb5cVDfsfPLeW/F6bORnPqLxsmDsl2JMoP8xoPyHdz0at7EjW",
    "correct horse, $2b$04$5MTFJP5Qdt0BpeyYMxPjBe075IICBgdsD0SexGZAqyG7hquLGBSyq",
    "Grüße aus Köln, $2b$04$nHn0qgEiaI2WP2y4hP.pN.GLmVtPaCOKkyjseQ9x.KE6DgJ82bP7u"
  })
  void agreesWithTheSystem(String password, String hash) {
    assertTrue(Bcrypt.matches(password, hash));
    assertTrue(Bcrypt.matches(password, hash.replace("$2b$", "$2y$")));
    assertFalse(Bcrypt.matches(password + "x", hash));
  }

  @Test
  void countsTheFirst72Bytes() {
    String hash71 = "$2b$04$PcwWMtLIF8JWoxLMvCFgk.0QA2JwBhFxENip431ihWXf/1yaPC9C6";
    String hash72 = "$2b$04$IRaIe4rdts7piTjBDH8xC..za.w6GvZLjU7shxxLTgKtI30zHNlQ6";
    String hash81 = "$2b$04$n.3OcxGotTD3mf/Si9vDkOtWsixrC.arFa4R6r1FXVe7TlluZpify";
    assertTrue(Bcrypt.matches("x".repeat(71), hash71));
    assertTrue(Bcrypt.matches("x".repeat(72), hash72));
    assertTrue(Bcrypt.matches("x".repeat(80) + "y", hash81));
    assertTrue(Bcrypt.matches("x".repeat(72), hash81));
    assertFalse(Bcrypt.matches("x".repeat(71), hash81));
  }

  @Test
  void acceptsItsOwnHashes() {
    String hash = Bcrypt.hashed("secret");
    assertTrue(Bcrypt.isHash(hash));
    assertTrue(Bcrypt.matches("secret", hash));
    assertFalse(Bcrypt.matches("Secret", hash));
  }

  @Test
  void refusesWhatIsNoHash() {
    assertFalse(Bcrypt.isHash("{SHA}abc"));
    assertFalse(Bcrypt.isHash("$2y$31$5MTFJP5Qdt0BpeyYMxPjBe075IICBgdsD0SexGZAqyG7hquLGBSyq"));
    assertFalse(Bcrypt.matches("a", "a"));
  }
}
