package dev.gantry.cli.template;

/// The template cannot be parsed, or not applied to the value at hand; the text is Go's.
public final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message, null, false, false);
  }

  /// Go's sentence, from `template: ` on.
  public String text() {
    return String.valueOf(getMessage());
  }
}
