package dev.gantry.build;

import java.util.regex.Pattern;

/// Takes logins out of URLs before they are shown or kept.
public final class Redaction {
  private static final Pattern LOGIN =
      Pattern.compile("\\b((?:https?|git|ftp)://)[^/@\\s\"']+@", Pattern.CASE_INSENSITIVE);
  private static final Pattern PASSWORD = Pattern.compile("\\b(ssh://[^/@:\\s\"']+):[^/@\\s\"']*@");

  private Redaction() {}

  /// `text` with every `https://user:password@host` as `https://xxxxx:xxxxx@host`; the user of an
  /// ssh URL is no secret and stays.
  public static String urls(String text) {
    if (text.indexOf('@') < 0) {
      return text;
    }
    String without = LOGIN.matcher(text).replaceAll("$1xxxxx:xxxxx@");
    return PASSWORD.matcher(without).replaceAll("$1:xxxxx@");
  }
}
