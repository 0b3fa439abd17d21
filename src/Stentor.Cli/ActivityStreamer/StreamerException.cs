namespace Stentor.Cli.ActivityStreamer;

/// <summary>It cannot go on: a server refused, or none could be reached. The message is for people, and printable.</summary>
/// <param name="message">What happened, and where.</param>
internal sealed class StreamerException(string message) : Exception(message);

/// <summary>A connection could not be made, or is gone; another one may fare better. The message says why, without a full stop.</summary>
/// <param name="message">Why.</param>
internal sealed class StreamerLostException(string message) : Exception(message);
