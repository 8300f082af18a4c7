package dev.gantry.kernel;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// File names as text without loss. The kernel's names are bytes, nearly always UTF-8; a byte that
/// is not becomes the lone surrogate U+DC00 + byte, which valid text never holds, and back again.
public final class FileNames {
  private static final int ESCAPE = 0xdc00;

  private FileNames() {}

  public static String decode(byte[] bytes, int offset, int length) {
    ByteBuffer in = ByteBuffer.wrap(bytes, offset, length);
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    CharBuffer out = CharBuffer.allocate(length);
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      if (!result.isError()) {
        return out.flip().toString();
      }
      for (int i = 0; i < result.length(); i++) {
        out.put((char) (ESCAPE + (in.get() & 0xff)));
      }
    }
  }

  public static String decode(byte[] bytes) {
    return decode(bytes, 0, bytes.length);
  }

  public static byte[] encode(String name) {
    if (!hasEscapes(name)) {
      return name.getBytes(StandardCharsets.UTF_8);
    }
    ByteBuffer out = ByteBuffer.allocate(name.length() * 3);
    for (int i = 0; i < name.length(); ) {
      int c = name.codePointAt(i);
      if (c > ESCAPE + 0x7f && c <= ESCAPE + 0xff) {
        out.put((byte) (c - ESCAPE));
      } else {
        try {
          out.put(
              StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(Character.toChars(c))));
        } catch (CharacterCodingException e) {
          out.put((byte) '?'); // another lone surrogate: nobody's file name
        }
      }
      i += Character.charCount(c);
    }
    byte[] bytes = new byte[out.position()];
    out.flip().get(bytes);
    return bytes;
  }

  static boolean hasEscapes(String name) {
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c > ESCAPE + 0x7f
          && c <= ESCAPE + 0xff
          && (i == 0 || !Character.isHighSurrogate(name.charAt(i - 1)))) {
        return true;
      }
    }
    return false;
  }
}
