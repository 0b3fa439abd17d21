using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Stentor.Storage;

/// <summary>
/// A prepared statement without the layers of ADO.NET, which cost several times what SQLite itself does for a row this small. One user at a time.
/// </summary>
internal sealed class Statement : IDisposable
{
    private readonly sqlite3 _database;
    private readonly sqlite3_stmt _statement;
    private byte[] _text = new byte[512];

    /// <summary>Prepares a statement.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="sql">One statement; its parameters are <c>?1</c>, <c>?2</c> …</param>
    public Statement(SqliteConnection connection, string sql)
    {
        _database = connection.Handle!; // Open, so it has one.
        Check(raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out _statement));
    }

    /// <summary>Gives a parameter its value.</summary>
    /// <param name="index">From 1.</param>
    /// <param name="value">The value.</param>
    public Statement Bind(int index, long value)
    {
        Check(raw.sqlite3_bind_int64(_statement, index, value));
        return this;
    }

    /// <inheritdoc cref="Bind(int, long)"/>
    public Statement Bind(int index, string value)
    {
        if (value.Length == 0)
        {
            Check(raw.sqlite3_bind_text(_statement, index, "")); // An empty span would be bound as NULL.
            return this;
        }

        var bytesMax = Encoding.UTF8.GetMaxByteCount(value.Length);
        if (_text.Length < bytesMax)
        {
            _text = new byte[bytesMax];
        }

        Check(raw.sqlite3_bind_text(_statement, index, _text.AsSpan(0, Encoding.UTF8.GetBytes(value, _text))));
        return this;
    }

    /// <inheritdoc cref="Bind(int, long)"/>
    /// <remarks>An empty one is bound as NULL.</remarks>
    public Statement Bind(int index, ReadOnlySpan<byte> value)
    {
        Check(raw.sqlite3_bind_blob(_statement, index, value));
        return this;
    }

    /// <summary>Runs it to its end; it gives no rows.</summary>
    public void Run()
    {
        try
        {
            Step();
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>Goes to the next row.</summary>
    /// <returns>False when there is none.</returns>
    public bool Step()
    {
        var result = raw.sqlite3_step(_statement);
        if (result is raw.SQLITE_ROW or raw.SQLITE_DONE)
        {
            return result == raw.SQLITE_ROW;
        }

        Check(result);
        return false;
    }

    /// <summary>Makes it ready to run again, and ends what it read.</summary>
    public void Reset() => _ = raw.sqlite3_reset(_statement); // Its result is that of the step before, which was looked at.

    /// <summary>A column of the row.</summary>
    /// <param name="index">From 0.</param>
    public long Number(int index) => raw.sqlite3_column_int64(_statement, index);

    /// <inheritdoc cref="Number"/>
    public string Text(int index) => raw.sqlite3_column_text(_statement, index).utf8_to_string();

    /// <summary>A column of the row; valid until the next step.</summary>
    /// <param name="index">From 0.</param>
    public ReadOnlySpan<byte> Blob(int index) => raw.sqlite3_column_blob(_statement, index);

    /// <inheritdoc/>
    public void Dispose() => _statement.Dispose();

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK)
        {
            SqliteException.ThrowExceptionForRC(result, _database);
        }
    }
}
