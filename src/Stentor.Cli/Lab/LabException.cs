namespace Stentor.Cli.Lab;

/// <summary>Something of the lab does not work: a process ended, an answer was an error.</summary>
/// <param name="message">What, and what is known of why.</param>
/// <param name="inner">What brought it about, if anything did.</param>
internal sealed class LabException(string message, Exception? inner = null) : Exception(message, inner);
