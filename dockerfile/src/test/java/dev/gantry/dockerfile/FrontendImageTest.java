package dev.gantry.dockerfile;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrontendImageTest {
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      textBlock =
          """
          "# syntax=a/b:1\nFROM x", a/b:1
          "#!/usr/bin/env buildctl\n# syntax = a/b:1 --verbose\nFROM x", a/b:1
          "// syntax=a/b:1\n{}", a/b:1
          "#!/bin/x\n//Syntax= a/b:1 \n", a/b:1
          "{\n  ""syntax"": ""a/b:1"",\n  ""x"": 1\n}", a/b:1
          "FROM x\n# syntax=a/b:1", ""
          "{ no json", ""
          "", ""
          """)
  void findsWhatAFileNames(String text, String image) throws ParseFailure {
    assertEquals(image, FrontendImage.of(text == null ? "" : text));
  }

  @Test
  void othersThanOursAreRefused() {
    assertDoesNotThrow(() -> FrontendImage.check("# syntax=docker/dockerfile:1\nFROM x", ""));
    assertDoesNotThrow(() -> FrontendImage.check("FROM x", "mirror.example/docker/dockerfile:1.7"));
    ParseFailure refused =
        assertThrows(ParseFailure.class, () -> FrontendImage.check("// syntax=a/mocker", ""));
    assertTrue(refused.text().contains("the frontend a/mocker"), refused.text());
    assertThrows(ParseFailure.class, () -> FrontendImage.check("FROM x", "a/mocker:2 -x"));
  }
}
