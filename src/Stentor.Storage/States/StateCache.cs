using System.Collections.Concurrent;
using Stentor.Replication;

namespace Stentor.Storage;

/// <summary>
/// States as they are in the database, so that what is read often is read there once. Two generations: what was not asked for while one
/// filled up is dropped. Any thread.
/// </summary>
/// <param name="bytesMax">About how many bytes of states to keep.</param>
internal sealed class StateCache(long bytesMax)
{
    // What an object, its dictionary node and its strings take beside the state's own bytes.
    private const int OverheadBytes = 300;

    private readonly Lock _lock = new();
    private ConcurrentDictionary<string, Cached> _young = new();
    private ConcurrentDictionary<string, Cached> _old = new();
    private long _youngBytes;
    private long _version;

    /// <summary>Changes with every check-point: what was read from the database before it may be out of date after it.</summary>
    public long Version => Volatile.Read(ref _version);

    /// <summary>Finds a state.</summary>
    /// <param name="channel">The channel.</param>
    public ChannelState? Find(string channel)
    {
        if (Volatile.Read(ref _young).TryGetValue(channel, out var cached))
        {
            return cached.State;
        }

        var version = Version;
        if (!Volatile.Read(ref _old).TryGetValue(channel, out cached))
        {
            return null;
        }

        Add(channel, cached.State, cached.Bytes, version);
        return cached.State;
    }

    /// <summary>Keeps what was read from the database.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="state">Its state.</param>
    /// <param name="bytes">Its size in the database.</param>
    /// <param name="version">The <see cref="Version"/> from before it was read; when that has changed, the state is not kept.</param>
    public void Add(string channel, ChannelState state, int bytes, long version)
    {
        lock (_lock)
        {
            if (version == _version)
            {
                Put(channel, state, bytes);
            }
        }
    }

    /// <summary>Replaces what a check-point wrote.</summary>
    /// <param name="written">The channels with their states and sizes.</param>
    public void Replace(IEnumerable<(string Channel, ChannelState State, int Bytes)> written)
    {
        lock (_lock)
        {
            Volatile.Write(ref _version, _version + 1);
            foreach (var (channel, state, bytes) in written)
            {
                _old.TryRemove(channel, out _);
                Put(channel, state, bytes);
            }
        }
    }

    private void Put(string channel, ChannelState state, int bytes)
    {
        if (_young.TryGetValue(channel, out var cached))
        {
            // In place: an object a channel and check-point lives just long enough to cost the collector most.
            _youngBytes += bytes - cached.Bytes;
            (cached.State, cached.Bytes) = (state, bytes);
        }
        else
        {
            _youngBytes += bytes + OverheadBytes;
            _young[channel] = new Cached(state, bytes);
        }

        if (_youngBytes > bytesMax / 2)
        {
            Volatile.Write(ref _old, _young);
            Volatile.Write(ref _young, new ConcurrentDictionary<string, Cached>());
            _youngBytes = 0;
        }
    }

    /// <summary>A state and its size. Written under the lock; the state is read by any thread.</summary>
    private sealed class Cached(ChannelState state, int bytes)
    {
        private ChannelState _state = state;

        public ChannelState State { get => Volatile.Read(ref _state); set => Volatile.Write(ref _state, value); }

        public int Bytes { get; set; } = bytes;
    }
}
