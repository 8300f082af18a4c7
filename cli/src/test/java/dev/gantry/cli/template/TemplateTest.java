package dev.gantry.cli.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.json.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TemplateTest {
  private static final Json VALUE =
      Json.parse(
          """
          {"Name": "/web", "Up": true, "Count": 3, "None": null, "Empty": [],
           "Tags": ["one", "two"], "Labels": {"b": "2", "a": "1"},
           "Ports": {"80/tcp": [{"HostPort": "8080"}]}, "State": {"Pid": 7}}
          """);

  private static String apply(String template) {
    return Template.parse("", template).apply(VALUE, Scope.struct("thing"));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '~',
      value = {
        "plain text => plain text",
        "{{.Name}} => /web",
        "{{.State.Pid}}/{{.Count}} => 7/3",
        "{{.Up}} {{.None}} => true <nil>",
        "{{.Tags}} {{.Labels}} => [one two] map[a:1 b:2]",
        "{{json .Labels}} => {\"b\":\"2\",\"a\":\"1\"}",
        "{{json .}} => {\"Name\":\"/web\",\"Up\":true,\"Count\":3,\"None\":null,\"Empty\":[],\"Tags\":[\"one\",\"two\"],\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]},\"State\":{\"Pid\":7}}",
        "{{upper .Name}} {{lower \"ABC\"}} {{title \"abc\"}} => /WEB abc Abc",
        "{{join .Tags \",\"}} => one,two",
        "{{index (split \"a:b:c\" \":\") 1}} => b",
        "{{truncate .Name 3}} => /we",
        "[{{pad \"x\" 1 2}}] => [ x  ]",
        "{{len .Tags}} {{len .Labels}} {{len .Name}} => 2 2 4",
        "{{index .Tags 1}} {{index .Labels \"a\"}}[{{index .Labels \"z\"}}] => two 1[]",
        "{{(index (index .Ports \"80/tcp\") 0).HostPort}} => 8080",
        "{{range .Tags}}<{{.}}>{{end}} => <one><two>",
        "{{range $i, $t := .Tags}}{{$i}}={{$t}},{{end}} => 0=one,1=two,",
        "{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}} => a1b2",
        "{{range .Empty}}x{{else}}none{{end}} => none",
        "{{range .Tags}}{{if eq . \"two\"}}{{break}}{{end}}{{.}}{{end}} => one",
        "{{range .Tags}}{{if eq . \"one\"}}{{continue}}{{end}}{{.}}{{end}} => two",
        "{{if .Empty}}a{{else if .Up}}b{{else}}c{{end}} => b",
        "{{with .State}}{{.Pid}}{{end}}{{with .None}}x{{end}} => 7",
        "{{$n := .Count}}{{$n}}{{$n = 4}}{{$n}} => 34",
        "{{.Name | upper | printf \"%q %5s\" \"a\"}} => \"a\"  /WEB",
        "{{printf \"%d|%05d|%x|%t|%v\" 3 42 255 true .Tags}} => 3|00042|ff|true|[one two]",
        "{{and .Up .Name}} {{or .None .Name}} {{not .Up}} => /web /web false",
        "{{eq .Count 1 2 3}} {{ne 1 2}} {{lt 1 2}} {{ge \"b\" \"a\"}} => true true true true",
        "a {{- 1 -}} b => a1b",
        "{{/* nothing */}}x => x",
        "{{`raw \\n`}} => raw \\n",
        "{{html \"<a>\"}} {{urlquery \"a b\"}} => &lt;a&gt; a+b",
        "{{slice .Name 1 3}} => we",
        "{{.Labels.z}} => <no value>",
      })
  void givesWhatGoGives(String template, String expected) {
    assertEquals(expected, apply(template));
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '~',
      value = {
        "{{ => template: :1: unclosed action",
        "{{.Nope}} => template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope in type thing",
        "{{end}} => template: :1: unexpected {{end}}",
        "{{nosuch .}} => template: :1: function \"nosuch\" not defined",
        "{{if .Up}} => template: :1: unexpected EOF",
      })
  void refusesInTheWordsOfGo(String template, String expected) {
    TemplateException problem = assertThrows(TemplateException.class, () -> apply(template));
    assertEquals(expected, problem.text());
  }

  @Test
  void printlnEndsTheLine() {
    assertEquals("1 a\n", apply("{{println 1 \"a\"}}"));
  }

  @Test
  void deepNestingEndsInAnErrorAndNotInAStackOverflow() {
    String template = "{{" + "(".repeat(100_000) + "1" + ")".repeat(100_000) + "}}";
    assertThrows(TemplateException.class, () -> apply(template));
  }
}
