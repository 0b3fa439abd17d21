using System.Collections.Concurrent;
using System.Text;
using Stentor.Protocol;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>What changed between two check-points. One thread writes, any thread reads.</summary>
/// <param name="channels">How many channels to have room for at once: growing copies every node, on the thread that applies.</param>
/// <param name="ids">How many publish ids to have room for at once.</param>
internal sealed class StateGeneration(int channels, int ids)
{
    private const int CapacityMin = 1024;

    /// <summary>The states.</summary>
    public ConcurrentDictionary<string, ChannelState> Channels { get; } = new(concurrencyLevel: 1, Math.Max(channels, CapacityMin));

    /// <summary>The publish ids.</summary>
    public ConcurrentDictionary<IdKey, PublishedId> Ids { get; } = new(concurrencyLevel: 1, Math.Max(ids, CapacityMin));
}

/// <summary>An author's publish id, with its hash at hand.</summary>
/// <param name="Hash">XXH64 over author, a zero byte and id.</param>
/// <param name="Author">The author.</param>
/// <param name="Id">The id.</param>
internal readonly record struct IdKey(ulong Hash, string Author, string Id)
{
    /// <summary>Makes a key.</summary>
    /// <param name="author">The author.</param>
    /// <param name="id">The id.</param>
    public static IdKey Of(string author, string id)
    {
        var bytesMax = Encoding.UTF8.GetMaxByteCount(author.Length + id.Length + 1);
        var bytes = bytesMax <= 1024 ? stackalloc byte[bytesMax] : new byte[bytesMax];
        var length = Encoding.UTF8.GetBytes(author, bytes);
        bytes[length++] = 0;
        length += Encoding.UTF8.GetBytes(id, bytes[length..]);
        return new IdKey(Checksum.Xxh64(bytes[..length], 0), author, id);
    }

    /// <inheritdoc/>
    public override int GetHashCode() => (int)Hash;
}
