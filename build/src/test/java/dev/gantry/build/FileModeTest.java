package dev.gantry.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.dockerfile.ParseFailure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FileModeTest {
  @ParameterizedTest
  @CsvSource({
    "755, 100644, 100755",
    "4755, 100644, 104755",
    "u+x, 100644, 100744",
    "go-r, 100644, 100600",
    "a=r, 100755, 100444",
    "'u=rwx,go=', 100644, 100700",
    "+X, 100644, 100644",
    "+X, 040600, 040711",
    "+X, 100744, 100755",
    "u+s, 100755, 104755",
    "g+s, 040755, 042755",
    "+t, 040777, 041777"
  })
  void changesAsChmodDoes(String text, String before, String after) throws ParseFailure {
    int changed = FileMode.parse(text).apply(Integer.parseInt(before, 8));
    assertEquals(Integer.parseInt(after, 8), changed, Integer.toOctalString(changed));
  }

  @Test
  void refusesWhatIsNoMode() {
    assertThrows(ParseFailure.class, () -> FileMode.parse("999"));
    assertThrows(ParseFailure.class, () -> FileMode.parse("u+q"));
    assertThrows(ParseFailure.class, () -> FileMode.parse("u"));
  }
}
