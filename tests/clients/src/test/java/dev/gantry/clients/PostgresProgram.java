package dev.gantry.clients;

import static dev.gantry.clients.GenericContainerProgram.expect;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.testcontainers.postgresql.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/// A program's test against a database that Testcontainers starts and JDBC speaks to through its
/// published port. The second argument is an image like Docker's `postgres`.
final class PostgresProgram {
  private PostgresProgram() {}

  public static void main(String[] arguments) throws SQLException {
    DockerImageName image =
        DockerImageName.parse(arguments[1]).asCompatibleSubstituteFor("postgres");
    try (PostgreSQLContainer database =
        new PostgreSQLContainer(image).withDatabaseName("shop").withUsername("keeper")) {
      database.start();
      try (Connection connection =
              DriverManager.getConnection(
                  database.getJdbcUrl(), database.getUsername(), database.getPassword());
          Statement statement = connection.createStatement()) {
        statement.execute("create table goods (name text, price int)");
        expect(2, statement.executeUpdate("insert into goods values ('tea', 3), ('salt', 1)"));
        try (ResultSet sum = statement.executeQuery("select sum(price) from goods")) {
          expect(true, sum.next());
          expect(4, sum.getInt(1));
        }
      }
    }
    System.out.println("all is well");
  }
}
