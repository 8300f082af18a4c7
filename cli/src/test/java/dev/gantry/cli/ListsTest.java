package dev.gantry.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gantry.json.Json;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// [Rows] and [Table].
class ListsTest {
  private static Rows rows() {
    return new Rows("*thing")
        .column("NAME", "Name")
        .column("STATE", "State")
        .heading("SIZE", "Size")
        .add(
            Json.object().put("Name", "a").put("State", "up").put("Size", "1<B"),
            Map.of("tier", "web"))
        .add(Json.object().put("Name", "a-long-name").put("State", "").put("Size", "2B"));
  }

  @Test
  void columnsAreTenWideAtLeastAndTheLastIsNotPadded() {
    assertEquals(
        """
        NAME          STATE
        a             up
        a-long-name\s\s\s
        """,
        rows().text(""));
  }

  @Test
  void statesHaveColoursOnATerminalAndColumnsStayWide() {
    Table table = new Table(java.util.List.of("NAME", "STATUS"));
    table
        .row(java.util.List.of("a", "Up 2 seconds"))
        .row(java.util.List.of("b", "Exited (1) 1 second ago"));
    assertEquals(
        "\u001b[1mNAME\u001b[0m      \u001b[1mSTATUS\u001b[0m\n"
            + "a         \u001b[32mUp 2 seconds\u001b[0m\n"
            + "b         \u001b[31mExited (1) 1 second ago\u001b[0m\n",
        table.text(true));
  }

  @Test
  void aTableTemplateNamesItsHeadings() {
    assertEquals(
        """
        SIZE      tier
        1<B       web
        2B       \s
        """,
        rows().text("table {{.Size}}\\t{{.Label \"tier\"}}"));
  }

  @Test
  void jsonHasSortedKeysAndEscapesForHtml() {
    assertEquals(
        "{\"Name\":\"a\",\"Size\":\"1\\u003cB\",\"State\":\"up\"}",
        rows().text("json").lines().findFirst().orElse(""));
  }

  @Test
  void aTemplateIsAppliedToEachRow() {
    assertEquals("a=up\na-long-name=\n", rows().text("{{.Name}}={{.State}}"));
  }

  @Test
  void anUnknownFieldIsRefusedByTheNameOfTheRowsType() {
    Exit problem = assertThrows(Exit.class, () -> rows().text("{{.Nope}}"));
    assertEquals(
        "failed to execute template: template: :1:2: executing \"\" at <.Nope>: can't evaluate"
            + " field Nope in type *thing",
        problem.text());
  }
}
