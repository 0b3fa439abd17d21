using System.Runtime.InteropServices;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>A channel or pattern that someone reads or waits for. Under the hub's lock.</summary>
/// <param name="pattern">The channel or pattern.</param>
internal sealed class Slot(ChannelPattern pattern)
{
    private readonly Tail?[] _tails = new Tail?[WireForms.Count];

    /// <summary>The channel or pattern.</summary>
    public ChannelPattern Pattern => pattern;

    /// <summary>Who waits for the next entry.</summary>
    public List<TaskCompletionSource> Waits { get; } = [];

    /// <summary>Whether nobody reads or waits.</summary>
    public bool IsEmpty => Waits.Count == 0 && _tails.All(tail => tail is null);

    /// <summary>The tails in use.</summary>
    public IEnumerable<Tail> Tails => _tails.OfType<Tail>();

    /// <summary>The tail of a wire form; null when nobody reads it.</summary>
    public Tail? this[WireForm form]
    {
        get => _tails[(int)form];
        set => _tails[(int)form] = value;
    }
}

/// <summary>Where the entries of one channel go.</summary>
/// <param name="Tails">The tails they are appended to.</param>
/// <param name="Slots">The slots that the channel matches.</param>
internal sealed record Route(Tail[] Tails, Slot[] Slots)
{
    /// <summary>The last commit that was looked at, from its end: tells a channel's last entry.</summary>
    public long Commit { get; set; }
}

/// <summary>Which slots a channel matches: exact names by dictionary, patterns by trie, the answer remembered a channel. Under the hub's lock.</summary>
internal sealed class RouteTable
{
    // Past it all are forgotten and found again as they are needed: 100,000 routes are about 15 MB.
    private const int RoutesMax = 100_000;

    private readonly Dictionary<string, Slot> _slots = [];
    private readonly PatternNode _root = new();
    private readonly Dictionary<string, Route> _routes = [];

    /// <summary>How many slots there are.</summary>
    public int Count => _slots.Count;

    /// <summary>How many tails there are.</summary>
    public int Tails => _slots.Values.Sum(slot => slot.Tails.Count());

    /// <summary>Finds or makes a slot.</summary>
    public Slot GetOrAdd(ChannelPattern pattern)
    {
        ref var slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_slots, pattern.Text, out _);
        if (slot is null)
        {
            slot = new Slot(pattern);
            if (!pattern.IsExact)
            {
                _root.Add(pattern.Text, slot);
            }

            Forget(slot);
        }

        return slot;
    }

    /// <summary>Removes a slot that nobody uses.</summary>
    public void RemoveIfEmpty(Slot slot)
    {
        if (slot.IsEmpty && _slots.Remove(slot.Pattern.Text))
        {
            if (!slot.Pattern.IsExact)
            {
                _root.Remove(slot.Pattern.Text);
            }

            Forget(slot);
        }
    }

    /// <summary>Forgets what was remembered about channels that a slot matches: its tails changed.</summary>
    public void Forget(Slot slot)
    {
        if (slot.Pattern.IsExact)
        {
            _routes.Remove(slot.Pattern.Text);
        }
        else
        {
            _routes.Clear();
        }
    }

    /// <summary>Where the entries of a channel go.</summary>
    public Route RouteOf(string channel)
    {
        ref var route = ref CollectionsMarshal.GetValueRefOrAddDefault(_routes, channel, out _);
        if (route is not null)
        {
            return route;
        }

        var slots = new List<Slot>();
        if (_slots.TryGetValue(channel, out var exact))
        {
            slots.Add(exact);
        }

        _root.Collect(channel, ChannelName.IsReserved(channel), slots);
        route = new Route([.. slots.SelectMany(slot => slot.Tails)], [.. slots]);
        var found = route; // The dictionary may be emptied below, and the reference with it.
        if (_routes.Count > RoutesMax)
        {
            _routes.Clear();
        }

        return found;
    }

    /// <summary>A token of patterns, and what may follow it.</summary>
    private sealed class PatternNode
    {
        private readonly Dictionary<string, PatternNode> _words = [];
        private readonly Dictionary<string, PatternNode>.AlternateLookup<ReadOnlySpan<char>> _wordsByChars;
        private PatternNode? _any;
        private Slot? _rest;
        private Slot? _here;

        public PatternNode() => _wordsByChars = _words.GetAlternateLookup<ReadOnlySpan<char>>();

        private bool IsEmpty => _words.Count == 0 && _any is null && _rest is null && _here is null;

        public void Add(ReadOnlySpan<char> pattern, Slot slot)
        {
            var token = Cut(pattern, out var rest, out var isLast);
            if (token is ">" && isLast)
            {
                _rest = slot;
                return;
            }

            var next = token is "*" ? _any ??= new() : Word(token);
            if (isLast)
            {
                next._here = slot;
            }
            else
            {
                next.Add(rest, slot);
            }
        }

        public void Remove(ReadOnlySpan<char> pattern)
        {
            var token = Cut(pattern, out var rest, out var isLast);
            if (token is ">" && isLast)
            {
                _rest = null;
                return;
            }

            var next = token is "*" ? _any! : Word(token); // It was added, so it is there.
            if (isLast)
            {
                next._here = null;
            }
            else
            {
                next.Remove(rest);
            }

            if (next.IsEmpty)
            {
                if (token is "*")
                {
                    _any = null;
                }
                else
                {
                    _wordsByChars.Remove(token);
                }
            }
        }

        public void Collect(ReadOnlySpan<char> channel, bool isReservedToken, List<Slot> slots)
        {
            // A wildcard never stands for a reserved first token.
            if (_rest is not null && !isReservedToken)
            {
                slots.Add(_rest);
            }

            var token = Cut(channel, out var rest, out var isLast);
            if (_any is not null && !isReservedToken)
            {
                _any.CollectAfter(rest, isLast, slots);
            }

            if (_wordsByChars.TryGetValue(token, out var next))
            {
                next.CollectAfter(rest, isLast, slots);
            }
        }

        private void CollectAfter(ReadOnlySpan<char> rest, bool isLast, List<Slot> slots)
        {
            if (!isLast)
            {
                Collect(rest, isReservedToken: false, slots);
            }
            else if (_here is not null)
            {
                slots.Add(_here);
            }
        }

        private PatternNode Word(ReadOnlySpan<char> token)
        {
            if (!_wordsByChars.TryGetValue(token, out var next))
            {
                next = new PatternNode();
                _wordsByChars[token] = next;
            }

            return next;
        }

        private static ReadOnlySpan<char> Cut(ReadOnlySpan<char> name, out ReadOnlySpan<char> rest, out bool isLast)
        {
            var dot = name.IndexOf('.');
            isLast = dot < 0;
            rest = isLast ? default : name[(dot + 1)..];
            return isLast ? name : name[..dot];
        }
    }
}
