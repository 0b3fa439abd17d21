using Microsoft.Data.Sqlite;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>A connection that reads the state database, with its statements prepared. One user at a time.</summary>
/// <param name="connection">The connection.</param>
/// <param name="isOwned">Whether to close it.</param>
internal sealed class StateReader(SqliteConnection connection, bool isOwned) : IDisposable
{
    private SqliteCommand? _channel;
    private SqliteCommand? _id;
    private SqliteCommand? _page;

    /// <summary>A channel's state and how many bytes it has in the file; null when there is none.</summary>
    public (ChannelState State, int Bytes)? Channel(string name)
    {
        _channel ??= Prepare("SELECT state FROM channels WHERE name = $name", "$name");
        _channel.Parameters[0].Value = name;
        using var row = _channel.ExecuteReader();
        if (!row.Read())
        {
            return null;
        }

        var bytes = row.GetFieldValue<byte[]>(0);
        return (ChannelState.Deserialize(bytes), bytes.Length);
    }

    /// <summary>What a publish id was first used for; null when it is not there.</summary>
    public PublishedId? Id(long hash, string author, string id)
    {
        _id ??= Prepare("SELECT author, id, channel, origin, seq, lamport, time, content FROM publish_ids WHERE hash = $hash ORDER BY rowid", "$hash");
        _id.Parameters[0].Value = hash;
        using var row = _id.ExecuteReader();
        while (row.Read())
        {
            if (row.GetString(0) == author && row.GetString(1) == id)
            {
                return new PublishedId(
                    author, id, row.GetString(2), new OriginId(row.GetString(3)), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6), (ulong)row.GetInt64(7));
            }
        }

        return null;
    }

    /// <summary>Channels by name, in ordinal order, after a name; read on until told to stop.</summary>
    public IEnumerable<KeyValuePair<string, ChannelState>> Channels(string after, string from)
    {
        _page ??= Prepare("SELECT name, state FROM channels WHERE name > $after AND name >= $from ORDER BY name", "$after", "$from");
        _page.Parameters[0].Value = after;
        _page.Parameters[1].Value = from;
        using var row = _page.ExecuteReader();
        while (row.Read())
        {
            yield return new(row.GetString(0), ChannelState.Deserialize(row.GetFieldValue<byte[]>(1)));
        }
    }

    /// <summary>The names of all channels, in ordinal order.</summary>
    public IEnumerable<string> Names()
    {
        using var command = Prepare("SELECT name FROM channels ORDER BY name");
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            yield return row.GetString(0);
        }
    }

    /// <summary>The hashes of all publish ids.</summary>
    public IEnumerable<ulong> Hashes()
    {
        using var command = Prepare("SELECT hash FROM publish_ids INDEXED BY publish_ids_by_hash");
        using var row = command.ExecuteReader();
        while (row.Read())
        {
            yield return (ulong)row.GetInt64(0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel?.Dispose();
        _id?.Dispose();
        _page?.Dispose();
        if (isOwned)
        {
            connection.Dispose();
        }
    }

    private SqliteCommand Prepare(string sql, params ReadOnlySpan<string> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
        {
            command.Parameters.AddWithValue(name, "");
        }

        command.Prepare();
        return command;
    }
}
