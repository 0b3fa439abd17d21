using System.Globalization;
using Stentor.Storage;

namespace Stentor.Simulation;

/// <summary>
/// A disk in memory that keeps its promises and no more: at a power cut, what was not synced is there in part or not at all. It can also fill
/// up, fail syncs (and then really lose the data), fail reads and flip bits. The same seed does the same every time.
/// </summary>
public sealed partial class SimulatedDisk(ulong seed = 1) : IDisk
{
    private readonly Lock _lock = new();
    private readonly SeededRandom _random = new(seed);
    private readonly List<NameChange> _unsyncedNames = [];
    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private long _bytes;
    private int _life;
    private ulong _identity = seed;
    private long _nextFile;

    /// <summary>Most bytes in all files.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Bytes in all files.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_lock)
            {
                return _bytes;
            }
        }
    }

    /// <summary>How many syncs fail from now on. What a failed sync was asked to keep is lost at the next power cut, whatever is synced later.</summary>
    public int SyncsToFail { get; set; }

    /// <summary>How many of the next questions for a file's length fail.</summary>
    public int LengthsToFail { get; set; }

    /// <summary>How many writes fail from now on, half done.</summary>
    public int WritesToFail { get; set; }

    /// <summary>How many syncs from now on do nothing and say that they did: a lie that only a power cut shows.</summary>
    public int SyncsToForget { get; set; }

    /// <summary>How many operations that change something were done.</summary>
    public int Steps { get; private set; }

    /// <summary>The power goes just before this step, counted from 1; the write that is under way is torn. 0 for never.</summary>
    public int PowerCutAtStep { get; set; }

    /// <summary>Parts of files that cannot be read.</summary>
    public List<(string Name, long Offset, long Length)> BadBlocks { get; } = [];

    /// <inheritdoc/>
    public long FreeBytes
    {
        get
        {
            lock (_lock)
            {
                return CapacityBytes - _bytes;
            }
        }
    }

    /// <inheritdoc/>
    public string? IdentityOf(string name)
    {
        lock (_lock)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{_identity:x16}-{_names[name].Number}");
        }
    }

    /// <summary>From now on its files are copies of what they were: as exact as can be, and not the same ones.</summary>
    public void BecomeCopy() => _identity = _random.NextBits();

    /// <inheritdoc/>
    public IDiskFile Open(string name, DiskFileMode mode)
    {
        lock (_lock)
        {
            CheckPower();
            if (_names.TryGetValue(name, out var content))
            {
                return mode == DiskFileMode.New
                    ? throw new DiskException(DiskFault.Name, $"There is a file {name} already.")
                    : new SimulatedFile(this, name, content, _life);
            }

            if (mode == DiskFileMode.Existing)
            {
                throw new DiskException(DiskFault.Name, $"There is no file {name}.");
            }

            Step();
            content = new Content(_nextFile++);
            Change(new NameChange(null, name, content));
            return new SimulatedFile(this, name, content, _life);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List()
    {
        lock (_lock)
        {
            CheckPower();
            return [.. _names.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Step();
            if (!_names.TryGetValue(from, out var content))
            {
                throw new DiskException(DiskFault.Name, $"There is no file {from}.");
            }

            Change(new NameChange(from, to, content));
        }
    }

    /// <inheritdoc/>
    public void Delete(string name)
    {
        lock (_lock)
        {
            CheckPower();
            if (_names.ContainsKey(name))
            {
                Step();
                Change(new NameChange(name, null, null));
            }
        }
    }

    /// <inheritdoc/>
    public void SyncDirectory()
    {
        lock (_lock)
        {
            Step();
            _durableNames = new Dictionary<string, Content>(_names);
            _unsyncedNames.Clear();
        }
    }

    /// <summary>The power goes and comes back: files that were open are of no more use, and what was not synced is there in part or not at all.</summary>
    /// <param name="keepOfLastWrite">How many bytes of the newest write that was not synced are there, all before it being there; null to let chance decide about each sector of each.</param>
    public void CutPower(int? keepOfLastWrite = null)
    {
        lock (_lock)
        {
            _life++;
            PowerCutAtStep = 0;

            // A file that was made and deleted since the last sync of names may be there again: what it holds, chance decides too.
            foreach (var content in _names.Values.Concat(_durableNames.Values).Concat(_unsyncedNames.Select(change => change.Content).OfType<Content>()).Distinct().ToList())
            {
                content.Settle(_random, keepOfLastWrite);
            }

            // A directory is a journal: changes become durable in their order.
            var names = _durableNames;
            var kept = keepOfLastWrite is null ? _random.Below(_unsyncedNames.Count + 1) : _unsyncedNames.Count;
            foreach (var change in _unsyncedNames.Take(kept))
            {
                change.Apply(names);
            }

            _unsyncedNames.Clear();
            _names = new Dictionary<string, Content>(names);
            _bytes = _names.Values.Sum(c => (long)c.Length);
        }
    }

    /// <summary>The process ends, the power stays: everything written is there.</summary>
    public void EndProcess()
    {
        lock (_lock)
        {
            _life++;
        }
    }

    /// <summary>A copy of what is durable and what is not, with a seed of its own.</summary>
    /// <param name="newSeed">The copy's seed.</param>
    public SimulatedDisk Copy(ulong newSeed)
    {
        lock (_lock)
        {
            var copies = _names.Values.Concat(_durableNames.Values).Concat(_unsyncedNames.Select(c => c.Content).OfType<Content>()).Distinct().ToDictionary(c => c, c => c.Copy());
            var copy = new SimulatedDisk(newSeed)
            {
                _names = _names.ToDictionary(n => n.Key, n => copies[n.Value]),
                _durableNames = _durableNames.ToDictionary(n => n.Key, n => copies[n.Value]),
                _bytes = _bytes,
                _identity = _identity,
                _nextFile = _nextFile,
            };
            copy._unsyncedNames.AddRange(_unsyncedNames.Select(c => c with { Content = c.Content is null ? null : copies[c.Content] }));
            return copy;
        }
    }

    /// <summary>Nothing fails any more, and there is room.</summary>
    public void BeWell() => (SyncsToFail, WritesToFail, LengthsToFail, SyncsToForget, CapacityBytes) = (0, 0, 0, 0, long.MaxValue);

    /// <summary>The bytes of a file as they are now.</summary>
    /// <param name="name">The file.</param>
    public byte[] BytesOf(string name)
    {
        lock (_lock)
        {
            return _names[name].Bytes.AsSpan(0, _names[name].Length).ToArray();
        }
    }

    /// <summary>Changes bytes behind everyone's back, for good.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Where.</param>
    /// <param name="change">Is given the byte and says what it is from now on.</param>
    public void Damage(string name, long offset, Func<byte, byte> change)
    {
        lock (_lock)
        {
            var content = _names[name];
            content.Bytes[offset] = change(content.Bytes[offset]);
            content.Durable[offset] = change(content.Durable[offset]);
        }
    }

    /// <summary>Flips a bit behind everyone's back, for good.</summary>
    /// <param name="name">The file.</param>
    /// <param name="offset">Which byte.</param>
    /// <param name="bit">0 to 7.</param>
    public void FlipBit(string name, long offset, int bit) => Damage(name, offset, b => (byte)(b ^ (1 << bit)));

    /// <summary>Says that the power is gone, where that was asked for.</summary>
    private void Step()
    {
        CheckPower();
        if (++Steps == PowerCutAtStep)
        {
            _life++;
            throw new PowerCutException();
        }
    }

    private void CheckPower()
    {
        if (PowerCutAtStep > 0 && Steps >= PowerCutAtStep)
        {
            throw new PowerCutException();
        }
    }

    private void Change(NameChange change)
    {
        if (change.To is not null && change.From is not null && _names.TryGetValue(change.To, out var replaced))
        {
            _bytes -= replaced.Length;
        }

        if (change.To is null)
        {
            _bytes -= _names[change.From!].Length; // A deletion names what it deletes.
        }

        change.Apply(_names);
        _unsyncedNames.Add(change);
    }
}

/// <summary>The simulated power went: whatever was running is gone with it. Not a fault that a program could handle.</summary>
public sealed class PowerCutException() : Exception("The simulated power went.");
