package dev.gantry.recipes;

import dev.gantry.base.Failure;
import java.io.StringReader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/// What a `pom.xml` says: the text of each element by its path, `project/artifactId`. Of elements
/// that come several times the first counts, except in [#modules]. Documents with a DOCTYPE are
/// refused, so there are no entities to expand.
final class Pom {
  private static final int DEEPEST = 64;
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]{1,100})}");
  private static final List<String> JAVA_VERSIONS =
      List.of("maven.compiler.release", "java.version", "maven.compiler.target");

  private final Map<String, String> texts = new LinkedHashMap<>();
  private final List<String> modules = new ArrayList<>();
  private final List<String> artifacts = new ArrayList<>();

  private Pom() {}

  /// @param name the file's, for messages
  static Pom parse(String name, String text) {
    Pom pom = new Pom();
    try {
      XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
      factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
      factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
      pom.read(factory.createXMLStreamReader(new StringReader(text)));
    } catch (XMLStreamException e) {
      throw new Failure.InvalidRequest(
          name + " cannot be read: " + String.valueOf(e.getMessage()).replace('\n', ' '), null, e);
    }
    return pom;
  }

  private void read(XMLStreamReader reader) throws XMLStreamException {
    Deque<String> open = new ArrayDeque<>();
    StringBuilder text = new StringBuilder();
    while (reader.hasNext()) {
      switch (reader.next()) {
        case XMLStreamConstants.DTD -> throw new XMLStreamException("it has a DOCTYPE");
        case XMLStreamConstants.START_ELEMENT -> {
          if (open.size() >= DEEPEST) {
            throw new XMLStreamException("elements are nested more than " + DEEPEST + " deep");
          }
          open.addLast(reader.getLocalName());
          text.setLength(0);
        }
        case XMLStreamConstants.CHARACTERS, XMLStreamConstants.CDATA ->
            text.append(reader.getText());
        case XMLStreamConstants.END_ELEMENT -> {
          note(String.join("/", open), text.toString().strip());
          open.removeLast();
          text.setLength(0);
        }
        default -> {} // comments and the like
      }
    }
  }

  private void note(String path, String text) {
    if (text.isEmpty()) {
      return;
    }
    if (path.equals("project/modules/module")) {
      modules.add(text);
    }
    if (path.endsWith("/artifactId")) {
      artifacts.add(text);
    }
    texts.putIfAbsent(path, text);
  }

  /// The text at a path below `project`, with variables of the file's own properties replaced.
  Optional<String> text(String path) {
    return Optional.ofNullable(texts.get("project/" + path)).map(t -> replaced(t, 8));
  }

  private String replaced(String text, int depth) {
    Matcher variable = VARIABLE.matcher(text);
    StringBuilder out = new StringBuilder();
    while (variable.find()) {
      String name = variable.group(1);
      String value =
          name.startsWith("project.")
              ? texts.get("project/" + name.substring("project.".length()).replace('.', '/'))
              : texts.get("project/properties/" + name);
      String word = value == null || depth == 0 ? variable.group() : replaced(value, depth - 1);
      if (out.length() + word.length() > 1000) {
        return text; // it means to grow without end
      }
      variable.appendReplacement(out, Matcher.quoteReplacement(word));
    }
    return variable.appendTail(out).toString();
  }

  String packaging() {
    return text("packaging").orElse("jar");
  }

  String artifact() {
    return text("artifactId").orElse("");
  }

  List<String> modules() {
    return modules;
  }

  /// Whether a parent, plugin or dependency of this name is mentioned.
  boolean mentions(String artifact) {
    return artifacts.contains(artifact);
  }

  /// The version of Java, as 8 or 21; empty if it is not said here.
  Optional<Integer> java() {
    List<String> said = new ArrayList<>();
    JAVA_VERSIONS.forEach(name -> text("properties/" + name).ifPresent(said::add));
    for (String where : List.of("release", "target")) {
      texts.forEach(
          (path, text) -> {
            if (path.endsWith("/plugin/configuration/" + where)) {
              said.add(replaced(text, 8));
            }
          });
    }
    return said.stream()
        .map(version -> version.startsWith("1.") ? version.substring(2) : version)
        .filter(version -> version.matches("[1-9][0-9]?"))
        .map(Integer::valueOf)
        .findFirst();
  }

  /// The class with the main method, if it is said here.
  Optional<String> mainClass() {
    List<String> said = new ArrayList<>();
    for (String name : List.of("exec.mainClass", "start-class", "mainClass", "main.class")) {
      text("properties/" + name).ifPresent(said::add);
    }
    texts.forEach(
        (path, text) -> {
          if (path.contains("/plugin/") && path.endsWith("/mainClass")) {
            said.add(replaced(text, 8));
          }
        });
    return said.stream().filter(JavaSources::isClassName).findFirst();
  }
}
