using System.Collections.Concurrent;

namespace Stentor.Client;

/// <summary>States with their entity tags, so that one that did not change is not sent again. Any thread may call.</summary>
internal sealed class StateCache
{
    // Both bounds together keep it under 16 MiB.
    private const int StatesMax = 1_000;
    private const int StateBytesMax = 16 * 1024;

    private readonly ConcurrentDictionary<string, (string ETag, ChannelState State)> _states = new();

    public bool TryGet(string channel, out (string ETag, ChannelState State) cached) => _states.TryGetValue(channel, out cached);

    public void Put(string channel, string? etag, int bytes, ChannelState state)
    {
        if (etag is null || bytes > StateBytesMax)
        {
            _states.TryRemove(channel, out _);
            return;
        }

        if (_states.Count >= StatesMax && !_states.ContainsKey(channel))
        {
            // Rare, and only costs sending states once more.
            _states.Clear();
        }

        _states[channel] = (etag, state);
    }
}
