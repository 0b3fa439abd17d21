using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// The state in SQLite. Exactly one connection writes and checkpoints (SQLite before 3.51.3 can lose commits otherwise, and this is 3.35.5);
/// all others are opened read-only. Any thread reads, one writes.
/// </summary>
internal sealed class StateDatabase : IDisposable
{
    // 8: more than two cores can use at once; those who come later wait for one to be free.
    private const int ReadersMax = 8;

    private readonly SqliteConnection _writer;
    private readonly string? _path;
    private readonly ConcurrentBag<StateReader> _readers = [];
    private readonly SemaphoreSlim _free;
    private readonly ConcurrentQueue<string> _opened = new();

    private StateDatabase(SqliteConnection writer, string? path)
    {
        _writer = writer;
        _path = path;

        // A database in memory belongs to its connection: readers and the writer take turns on it.
        _free = new SemaphoreSlim(path is null ? 1 : ReadersMax);
        if (path is null)
        {
            _readers.Add(new StateReader(writer, isOwned: false));
        }
    }

    /// <summary>What it reflects; null when nothing was ever written.</summary>
    public StateMark? Mark { get; private set; }

    /// <summary>The connection string of the one connection that writes, and of those that read: for the test that asserts it.</summary>
    internal IReadOnlyCollection<string> OpenedConnections => _opened;

    /// <summary>Opens the database, makes it when there is none, and brings its tables to this program's format.</summary>
    /// <param name="path">The file; null for one in memory.</param>
    /// <exception cref="DiskException">The disk does not do it; or it is damaged, when there is a <see cref="StateDamagedException"/> inside.</exception>
    /// <exception cref="LedgerFaultException">A newer program made it, or it is something else's.</exception>
    public static StateDatabase Open(string? path) => Run(path, "open", () =>
    {
        if (path is not null)
        {
            Create(path);
        }

        var connection = Connect(path, SqliteOpenMode.ReadWriteCreate);
        try
        {
            Execute(connection, "PRAGMA journal_mode = WAL");
            // FULL: a check-point is durable when it says so. Retention recycles segments by its word, and it costs one sync in two seconds.
            Execute(connection, "PRAGMA synchronous = FULL");
            Execute(connection, "PRAGMA cache_size = -32768");
            Execute(connection, "PRAGMA journal_size_limit = 67108864");
            Migrate(connection, path);
            var database = new StateDatabase(connection, path);
            database._opened.Enqueue(connection.ConnectionString);
            database.Mark = database.ReadMark();
            return database;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    });

    /// <summary>Opens a database that is there, for reading only, and changes nothing.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DiskException">The disk does not do it; or it is damaged, when there is a <see cref="StateDamagedException"/> inside.</exception>
    /// <exception cref="LedgerFaultException">A newer program made it, or it is something else's.</exception>
    public static StateDatabase OpenToRead(string path) => Run(path, "open", () =>
    {
        var connection = Connect(path, SqliteOpenMode.ReadOnly);
        try
        {
            var version = CheckVersion(connection, path);
            var database = new StateDatabase(connection, path);
            database.Mark = version == 0 ? null : database.ReadMark();
            return database;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    });

    /// <summary>Copies a database as it was at one moment, while another process may write it.</summary>
    /// <param name="path">The database.</param>
    /// <param name="target">The copy, made now.</param>
    /// <exception cref="DiskException">The disk does not do it.</exception>
    public static void Copy(string path, string target) => Run(path, "copy", () =>
    {
        Create(target); // Made here so that no one else may read it.
        using var connection = Connect(path, SqliteOpenMode.ReadOnly);
        using var copy = connection.CreateCommand();
        copy.CommandText = "VACUUM INTO $target";
        copy.Parameters.AddWithValue("$target", target);
        copy.CommandTimeout = 0;
        copy.ExecuteNonQuery();
        return 0;
    });

    /// <summary>What SQLite itself finds wrong with the file; empty when all is well.</summary>
    public IReadOnlyList<string> Faults() => Run(_path, "examine", () =>
    {
        using var check = new Statement(_writer, "PRAGMA integrity_check(10)");
        var faults = new List<string>();
        while (check.Step())
        {
            faults.Add(check.Text(0));
        }

        return faults is ["ok"] ? [] : faults;
    });

    /// <summary>Writes what changed, all of it or nothing.</summary>
    /// <param name="changes">The states and ids.</param>
    /// <param name="mark">What the database reflects with them.</param>
    /// <param name="onChannel">Told of each channel written and its size in bytes.</param>
    /// <exception cref="DiskException">It could not be written; the database is as before.</exception>
    public void Write(StateGeneration changes, StateMark mark, Action<string, ChannelState, int>? onChannel = null) => Run(_path, "write", () =>
    {
        var isShared = _path is null;
        if (isShared)
        {
            _free.Wait();
        }

        try
        {
            using var transaction = _writer.BeginTransaction();
            WriteChannels(changes, onChannel);
            WriteIds(changes);
            WriteMeta(mark);
            transaction.Commit();
            Mark = mark;
            return 0;
        }
        finally
        {
            if (isShared)
            {
                _free.Release();
            }
        }
    });

    /// <summary>Reads with one of the connections that read.</summary>
    /// <param name="read">What to read.</param>
    /// <exception cref="DiskException">It cannot be read.</exception>
    public T Read<T>(Func<StateReader, T> read) => Run(_path, "read", () =>
    {
        _free.Wait();
        StateReader? reader = null;
        try
        {
            if (!_readers.TryTake(out reader))
            {
                var connection = Connect(_path, SqliteOpenMode.ReadOnly);
                _opened.Enqueue(connection.ConnectionString);
                reader = new StateReader(connection, isOwned: true);
            }

            return read(reader);
        }
        finally
        {
            if (reader is not null)
            {
                _readers.Add(reader); // Its statements are reset, whatever happened.
            }

            _free.Release();
        }
    });

    /// <summary>Makes another database what this one is.</summary>
    /// <param name="copy">A database in memory that nobody reads meanwhile.</param>
    internal void CopyTo(StateDatabase copy)
    {
        _writer.BackupDatabase(copy._writer);
        copy.Mark = Mark;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        // Last, so that closing it checkpoints the log into the file and removes the log.
        _writer.Dispose();
        _free.Dispose();
    }

    private static void Create(string path)
    {
        if (File.Exists(path))
        {
            return;
        }

        // Empty is a good database; made here so that no one else may read it, which SQLite's own log then copies.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            new FileStream(path, options).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PhysicalDisk.Failure("create " + path, e);
        }
    }

    private static SqliteConnection Connect(string? path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path ?? ":memory:",
            Mode = path is null ? SqliteOpenMode.Memory : mode,
            Pooling = false,
            // Seconds to wait for a lock. Nobody but us has the file open, unless an operator looks into it with a tool.
            DefaultTimeout = 2,
        }.ToString());
        connection.Open();
        return connection;
    }

    private static void Migrate(SqliteConnection connection, string? path)
    {
        for (var next = CheckVersion(connection, path); next < StateSchema.Migrations.Count; next++)
        {
            using var transaction = connection.BeginTransaction();
            Execute(connection, StateSchema.Migrations[next], transaction);
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {StateSchema.ApplicationId}"), transaction);
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {next + 1}"), transaction);
            transaction.Commit();
        }
    }

    private static int CheckVersion(SqliteConnection connection, string? path)
    {
        var version = Number(connection, "PRAGMA user_version");
        var application = Number(connection, "PRAGMA application_id");
        if (version > StateSchema.Migrations.Count)
        {
            throw new LedgerFaultException($"{path} has state format {version}; this program reads up to {StateSchema.Migrations.Count}. Use the version of Stentor that wrote it, or a newer one.");
        }

        if (version > 0 && application != StateSchema.ApplicationId)
        {
            throw new LedgerFaultException($"{path} is not a state database of Stentor. Move it away, or give the node a directory of its own.");
        }

        return (int)version;
    }

    private static void Execute(SqliteConnection connection, string sql, SqliteTransaction? transaction = null)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        command.ExecuteNonQuery();
    }

    private static long Number(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    private static T Run<T>(string? path, string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (SqliteException e)
        {
            throw e.SqliteErrorCode switch
            {
                13 => new DiskException(DiskFault.Full, $"The disk is full: could not {what} the state database {path}. Make room; nothing else is needed.", e),
                11 or 26 => Damaged(path, e),
                _ => new DiskException(DiskFault.Failed, $"Could not {what} the state database {path}: {e.Message}", e),
            };
        }
        catch (FormatException e)
        {
            throw Damaged(path, e);
        }
    }

    private static DiskException Damaged(string? path, Exception e) => new(
        DiskFault.Failed,
        $"The state database {path} is damaged ({e.Message}). Stop the node and run `stentor doctor --repair`: it is folded again from the ledger.",
        new StateDamagedException(e.Message, e));

    private StateMark? ReadMark()
    {
        using var command = _writer.CreateCommand();
        command.CommandText = "SELECT key, value FROM meta";
        using var row = command.ExecuteReader();
        var values = new Dictionary<string, object>();
        while (row.Read())
        {
            values[row.GetString(0)] = row.GetValue(1);
        }

        if (values.Count == 0)
        {
            return null;
        }

        if (values.GetValueOrDefault("store") is long store && values.GetValueOrDefault("position") is long position
            && values.GetValueOrDefault("mark") is byte[] mark)
        {
            return new StateMark((ulong)store, position, ReplicaMark.Deserialize(mark));
        }

        throw new FormatException("its meta table is not complete");
    }

    private void WriteChannels(StateGeneration changes, Action<string, ChannelState, int>? onChannel)
    {
        using var upsert = new Statement(_writer, """
            INSERT INTO channels (name, version, time, state) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET version = excluded.version, time = excluded.time, state = excluded.state
            """);
        var bytes = new ByteBuffer(4096);

        // In the table's own order: neighbours share pages.
        var channels = changes.Channels.ToArray();
        Array.Sort(channels, (a, b) => string.CompareOrdinal(a.Key, b.Key));
        foreach (var (channel, state) in channels)
        {
            bytes.Clear();
            state.Serialize(bytes);
            upsert.Bind(1, channel).Bind(2, state.Version).Bind(3, state.LastTime).Bind(4, bytes.WrittenSpan).Run();
            onChannel?.Invoke(channel, state, bytes.Length);
        }
    }

    private void WriteIds(StateGeneration changes)
    {
        using var insert = new Statement(_writer, """
            INSERT INTO publish_ids (hash, author, id, channel, origin, seq, lamport, time, content)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """);

        // In the order of the index: neighbours share pages.
        var ids = changes.Ids.ToArray();
        Array.Sort(ids, (a, b) => a.Key.Hash.CompareTo(b.Key.Hash));
        foreach (var (key, value) in ids)
        {
            insert.Bind(1, (long)key.Hash).Bind(2, value.Author).Bind(3, value.Id).Bind(4, value.Channel).Bind(5, value.Origin.Value)
                .Bind(6, value.Seq).Bind(7, value.Lamport).Bind(8, value.Time).Bind(9, (long)value.Content).Run();
        }
    }

    private void WriteMeta(StateMark mark)
    {
        var bytes = new ByteBuffer();
        mark.Mark.Serialize(bytes);
        using var upsert = new Statement(_writer, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        upsert.Bind(1, "store").Bind(2, (long)mark.StoreId).Run();
        upsert.Bind(1, "position").Bind(2, mark.Position).Run();
        upsert.Bind(1, "mark").Bind(2, bytes.WrittenSpan).Run();
    }
}

/// <summary>Inside a <see cref="DiskException"/>: what is damaged is not the disk but the state database, which can be folded again from a whole ledger.</summary>
/// <param name="message">What was found.</param>
/// <param name="inner">Where it shows.</param>
internal sealed class StateDamagedException(string message, Exception inner) : Exception(message, inner);
