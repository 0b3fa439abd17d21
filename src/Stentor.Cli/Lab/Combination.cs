namespace Stentor.Cli.Lab;

/// <summary>How scores reach those who read them.</summary>
internal enum Arch
{
    /// <summary>The node sends each update.</summary>
    Push,

    /// <summary>The clients ask again and again.</summary>
    Pull,

    /// <summary>Half of the clients are pushed to, half of them pull.</summary>
    Mixed,
}

/// <summary>What clients and node talk over.</summary>
internal enum Transport
{
    /// <summary>XML-RPC: pushes are calls of a server that the client has; pulls are <c>get_score</c>.</summary>
    XmlRpc,

    /// <summary>Frames on a WebSocket.</summary>
    WebSocket,

    /// <summary>Server-Sent Events.</summary>
    Sse,

    /// <summary>HTTP: pushes are long polls, pulls are reads of the state that say what they have.</summary>
    Http,
}

/// <summary>What is measured in one go.</summary>
/// <param name="Arch">How scores reach the clients.</param>
/// <param name="Transport">Over what.</param>
/// <param name="Clients">How many clients there are, of both kinds.</param>
internal readonly record struct Combination(Arch Arch, Transport Transport, int Clients)
{
    /// <summary>How many of the clients are pushed to; the odd one of a mixed population is.</summary>
    public int Pushed => Arch switch { Arch.Push => Clients, Arch.Pull => 0, _ => Clients - (Clients / 2) };

    /// <summary>How many of the clients pull.</summary>
    public int Pulling => Clients - Pushed;

    /// <summary>For people.</summary>
    public override string ToString() => $"{LabWords.Of(Arch)} over {LabWords.Of(Transport)}, {Clients} {(Clients == 1 ? "client" : "clients")}";
}
