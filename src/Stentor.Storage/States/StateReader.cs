using Microsoft.Data.Sqlite;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>A connection that reads the state database, with its statements prepared. One user at a time.</summary>
/// <param name="connection">The connection.</param>
/// <param name="isOwned">Whether to close it.</param>
internal sealed class StateReader(SqliteConnection connection, bool isOwned) : IDisposable
{
    private readonly Statement _channel = new(connection, "SELECT state FROM channels WHERE name = ?1");

    private readonly Statement _id = new(
        connection, "SELECT author, id, channel, origin, seq, lamport, time, content FROM publish_ids WHERE hash = ?1 ORDER BY rowid");

    private readonly Statement _page = new(connection, "SELECT name, state FROM channels WHERE name > ?1 AND name >= ?2 ORDER BY name");

    private readonly Statement _ids = new(connection, "SELECT author, id, channel, origin, seq, lamport, time, content FROM publish_ids");

    /// <summary>A channel's state and how many bytes it has in the file; null when there is none.</summary>
    public (ChannelState State, int Bytes)? Channel(string name)
    {
        try
        {
            return _channel.Bind(1, name).Step() && _channel.Blob(0) is var bytes ? (ChannelState.Deserialize(bytes), bytes.Length) : null;
        }
        finally
        {
            _channel.Reset();
        }
    }

    /// <summary>What a publish id was first used for; null when it is not there.</summary>
    public PublishedId? Id(long hash, string author, string id)
    {
        try
        {
            _id.Bind(1, hash);
            while (_id.Step())
            {
                if (_id.Text(0) == author && _id.Text(1) == id)
                {
                    return IdOf(_id);
                }
            }

            return null;
        }
        finally
        {
            _id.Reset();
        }
    }

    /// <summary>Channels by name, in ordinal order, after a name and from a name on.</summary>
    public IEnumerable<KeyValuePair<string, ChannelState>> Channels(string after, string from)
    {
        try
        {
            _page.Bind(1, after).Bind(2, from);
            while (_page.Step())
            {
                yield return new(_page.Text(0), ChannelState.Deserialize(_page.Blob(1)));
            }
        }
        finally
        {
            _page.Reset();
        }
    }

    /// <summary>All publish ids, in the order in which they came.</summary>
    public IEnumerable<PublishedId> Ids()
    {
        try
        {
            while (_ids.Step())
            {
                yield return IdOf(_ids);
            }
        }
        finally
        {
            _ids.Reset();
        }
    }

    /// <summary>The names of all channels, in ordinal order.</summary>
    public IEnumerable<string> Names()
    {
        using var names = new Statement(connection, "SELECT name FROM channels ORDER BY name");
        while (names.Step())
        {
            yield return names.Text(0);
        }
    }

    /// <summary>The hashes of all publish ids.</summary>
    public IEnumerable<ulong> Hashes()
    {
        using var hashes = new Statement(connection, "SELECT hash FROM publish_ids INDEXED BY publish_ids_by_hash");
        while (hashes.Step())
        {
            yield return (ulong)hashes.Number(0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Dispose();
        _id.Dispose();
        _page.Dispose();
        _ids.Dispose();
        if (isOwned)
        {
            connection.Dispose();
        }
    }

    private static PublishedId IdOf(Statement row) => new(
        row.Text(0), row.Text(1), row.Text(2), new OriginId(row.Text(3)), row.Number(4), row.Number(5), row.Number(6), (ulong)row.Number(7));
}
