package shop;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.DriverManager;
import java.sql.SQLException;

/** Answers each request with what the database says. */
public final class Shop {
  private Shop() {}

  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
    server.createContext(
        "/shop",
        exchange -> {
          byte[] answer;
          int status = 200;
          try {
            answer = answer().getBytes(StandardCharsets.UTF_8);
          } catch (SQLException e) {
            status = 503;
            answer = String.valueOf(e.getMessage()).getBytes(StandardCharsets.UTF_8);
          }
          exchange.sendResponseHeaders(status, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
  }

  private static String answer() throws SQLException {
    String url = System.getenv("DATABASE");
    try (var database = DriverManager.getConnection(url);
        var statement = database.createStatement();
        var rows = statement.executeQuery("select 6 * 7")) {
      rows.next();
      return "the database says " + rows.getInt(1) + "\n";
    }
  }
}
