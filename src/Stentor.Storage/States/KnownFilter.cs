namespace Stentor.Storage;

/// <summary>
/// Tells which hashes are surely new, in a few bits each: a Bloom filter (Bloom, "Space/time trade-offs in hash coding", 1970) whose bits for one
/// hash lie in one cache line, and which grows by further layers. Any thread adds and asks.
/// </summary>
internal sealed class KnownFilter
{
    // 16 bits for each hash and 6 of them set: about one false alarm in 400 a layer, each costing one look into the database.
    private const int BitsPerHash = 16;
    private const int BitsSet = 6;
    private const int WordsPerLine = 8;
    private const int FirstCapacity = 64 * 1024;
    private const int CapacityMax = 64 * 1024 * 1024;

    private readonly Lock _lock = new();
    private ulong[][] _layers = [new ulong[FirstCapacity * BitsPerHash / 64]];
    private int _left = FirstCapacity;
    private volatile bool _isComplete;

    /// <summary>Whether everything that is known was added: only then is "no" an answer.</summary>
    public bool IsComplete
    {
        get => _isComplete;
        set => _isComplete = value;
    }

    /// <summary>Bytes of memory that it takes.</summary>
    public long Bytes => Volatile.Read(ref _layers).Sum(l => l.Length * 8L);

    /// <summary>Adds a hash.</summary>
    /// <param name="hash">A good hash of what is known.</param>
    public void Add(ulong hash)
    {
        if (MayContain(hash))
        {
            return; // It would be answered alike, and a channel that changes every day must not fill the filter.
        }

        lock (_lock)
        {
            // Bits and layers are only ever added, so readers need no lock.
            if (_left == 0)
            {
                var capacity = (int)Math.Min(_layers[^1].Length * 64L / BitsPerHash * 4, CapacityMax);
                Volatile.Write(ref _layers, [.. _layers, new ulong[capacity / 64 * BitsPerHash]]);
                _left = capacity;
            }

            var layer = _layers[^1];
            var line = LineOf(hash, layer);
            var bits = hash;
            for (var i = 0; i < BitsSet; i++)
            {
                var bit = (int)(bits & 511);
                Interlocked.Or(ref layer[line + (bit >> 6)], 1UL << (bit & 63));
                bits >>= 9;
            }

            _left--;
        }
    }

    /// <summary>Whether a hash may have been added.</summary>
    /// <param name="hash">The hash.</param>
    /// <returns>False only when it was not, or when the filter is not complete.</returns>
    public bool MayContain(ulong hash)
    {
        foreach (var layer in Volatile.Read(ref _layers))
        {
            if (Has(layer, hash))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Has(ulong[] layer, ulong hash)
    {
        var line = LineOf(hash, layer);
        var bits = hash;
        for (var i = 0; i < BitsSet; i++)
        {
            var bit = (int)(bits & 511);
            if ((Volatile.Read(ref layer[line + (bit >> 6)]) & (1UL << (bit & 63))) == 0)
            {
                return false;
            }

            bits >>= 9;
        }

        return true;
    }

    // The line comes from a product of the hash, so that it does not follow from the 54 bits used within it.
    private static int LineOf(ulong hash, ulong[] layer) =>
        (int)Math.BigMul(hash * 0x9E3779B97F4A7C15, (ulong)(layer.Length / WordsPerLine), out _) * WordsPerLine;
}
