namespace Stentor.Gateways;

/// <summary>How tallies are told over XML-RPC.</summary>
public enum TallyFormat
{
    /// <summary>A struct of the integers <c>gold</c>, <c>silver</c> and <c>bronze</c>.</summary>
    Struct,

    /// <summary>The team and three lines of text.</summary>
    Text,
}

/// <summary>Whom the node calls back over XML-RPC.</summary>
public enum Callbacks
{
    /// <summary>Only the address that a registration came from, and programs on the node's own machine for programs there.</summary>
    Caller,

    /// <summary>Any host that a registration names: only where everyone who can reach the node may reach what the node can.</summary>
    Any,
}

/// <summary>How the scoreboard is served over XML-RPC (docs/xml-rpc.md).</summary>
public sealed record XmlRpcOptions
{
    /// <summary>The account that writes scores and medals: its secret is the password of the writing procedures.</summary>
    public const string Writer = "cacophonix";

    /// <summary>The pattern of the channels of teams: a team's tally is the state of <c>medals.TOKEN</c>.</summary>
    public const string MedalsPattern = "medals.>";

    /// <summary>The pattern of the channels of events: an event's score is the state of <c>scores.TOKEN</c>.</summary>
    public const string ScoresPattern = "scores.>";

    /// <summary>Where it is served, <c>HOST:PORT</c>, port 0 for a free one; null, the default, for <c>/RPC2</c> and <c>/</c> where HTTP is served.</summary>
    public string? Listen { get; init; }

    /// <summary>The teams by their names, as they are shown.</summary>
    public IReadOnlyList<string> Teams { get; init; } = ["Gaul", "Rome", "Carthage", "Greece", "Persia"];

    /// <summary>The events by their names, as they are shown.</summary>
    public IReadOnlyList<string> Events { get; init; } = ["Stone Curling", "Stone Skating", "Underwater Stone Weaving", "Synchronized Stone Swimming"];

    /// <summary>How tallies are told. Default structs.</summary>
    public TallyFormat TallyFormat { get; init; }

    /// <summary>Whom the node calls back. Default the caller.</summary>
    public Callbacks Callbacks { get; init; }

    /// <summary>Most registered clients. Default 1,000: each may cost a connection and a call at a time.</summary>
    public int TabletsMax { get; init; } = 1_000;

    /// <summary>Longest wait for a registered client's answer to one call. Default 5 s.</summary>
    public TimeSpan CallWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long a registered client that does not answer is tried again before it is dropped. Default 60 s.</summary>
    public TimeSpan DropAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether a secret is made for <see cref="Writer"/> where none is given, there is no such account, and the node links to nobody. Default no.</summary>
    public bool MakesWriterSecret { get; init; }

    /// <summary>The secret of <see cref="Writer"/>, which is registered with it when there is no such account. Null, the default, for an account that somebody else makes.</summary>
    public string? WriterSecret { get; init; }

    /// <summary>
    /// The file with that secret; made, readable by its owner only, when it does not exist and the node links to nobody. Null, the default, for none.
    /// </summary>
    public string? WriterSecretFile { get; init; }
}
