using Stentor.Cli;

return await StentorProgram.RunAsync(args, Surroundings.OfThisProcess());
